import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import {
  decodeUdpAnswer,
  encodeUdpRequest,
  peerIdOf,
  type UdpAnswer,
  type UdpRequest,
} from '#lib/wire';

const TIMEOUT_MS = 5000;

/** Announces over UDP (BEP 15) as a client that is new there. @param urlData BEP 41, with the key */
export async function announceOverUdp(
  address: string,
  infoHash: Buffer,
  urlData: string,
): Promise<UdpAnswer> {
  const { hostname, port } = new URL(address.replace(/^(?:udp:\/\/)?/, 'udp://'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = host.includes(':') ? 6 : 4;
  const socket = createSocket(`udp${family}`);
  const ask = async (request: UdpRequest) => {
    socket.send(encodeUdpRequest(request), Number(port), host);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const [bytes] = (await once(socket, 'message', { signal })) as [Buffer];
    return decodeUdpAnswer(bytes, family);
  };
  try {
    const connected = await ask({ action: 'connect', transactionId: 1 });
    if (connected.action !== 'connect') return connected;
    return await ask({
      action: 'announce',
      connectionId: connected.connectionId,
      transactionId: 2,
      infoHash,
      peerId: peerIdOf(),
      downloaded: 0,
      left: 1,
      uploaded: 0,
      event: 'started',
      ip: 0,
      key: 1,
      numWant: 50,
      port: 6881,
      urlData,
    });
  } finally {
    socket.close();
  }
}
