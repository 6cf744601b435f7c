import { randomBytes } from 'node:crypto';

/** Client and version in the style of BEP 20. */
export const PEER_ID_PREFIX = '-FL0100-';

/**
 * A new peer id: the prefix, then random bytes up to 20.
 * @param prefix ASCII, at most 20 characters.
 */
export function peerIdOf(prefix: string = PEER_ID_PREFIX): Buffer {
  const head = Buffer.from(prefix, 'latin1');
  if (head.length > 20) throw new RangeError(`A peer id has 20 bytes: ${prefix}`);
  return Buffer.concat([head, randomBytes(20 - head.length)]);
}
