import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

import { encodeExtensionHandshake, encodeHandshake, extendedMessage, parseIpPort } from '#lib/wire';

/** Id of extension messages (BEP 10). */
export const EXTENDED = 20;

/** The id of the first message beside extensions that a stranger is told, or that it was closed. */
export async function firstOf(peer: string, infoHash: Buffer): Promise<number | 'closed'> {
  const { host, port } = parseIpPort(peer)!;
  const socket = connect(port, host);
  const handshake = { infoHash, peerId: randomBytes(20), fast: true, extensions: true };
  socket.write(encodeHandshake({ ...handshake, v2Upgrade: true }));
  socket.write(extendedMessage(0, encodeExtensionHandshake({ m: new Map() })));
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    const told = messageIds(bytes.subarray(68)).find((id) => id !== EXTENDED);
    if (told !== undefined) return told;
  }
  return 'closed';
}

/** The ids of length-prefixed messages (BEP 3). */
export function messageIds(bytes: Buffer): number[] {
  const ids: number[] = [];
  for (let at = 0; at + 4 < bytes.length; at += 4 + bytes.readUInt32BE(at))
    ids.push(bytes[at + 4]!);
  return ids;
}
