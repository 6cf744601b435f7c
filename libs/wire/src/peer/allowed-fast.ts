import { hash } from 'node:crypto';

/** Bytes of an address that tell a network: whoever moves within it gets no other set. */
const NETWORK_BYTES = { 4: 3, 16: 8 } as const;

/**
 * The pieces that a peer may ask for while it is choked (BEP 6): always the same for its network, and
 * spread over all pieces. BEP 6 speaks of IPv4 alone; of IPv6 the /64 stands for the network.
 *
 * @param address of the peer, 4 or 16 bytes
 * @param infoHash 20 bytes
 * @param count how many are wanted; all pieces when there are no more
 */
export function allowedFastSet(
  address: Buffer,
  infoHash: Buffer,
  pieceCount: number,
  count: number,
): number[] {
  const seed = Buffer.concat([address, infoHash]);
  seed.fill(0, NETWORK_BYTES[address.length === 4 ? 4 : 16], address.length);
  const wanted = Math.min(count, pieceCount);
  const pieces = new Set<number>();
  for (let digest = hash('sha1', seed, 'buffer'); ; digest = hash('sha1', digest, 'buffer')) {
    for (let at = 0; at < digest.length; at += 4) {
      if (pieces.size >= wanted) return [...pieces];
      pieces.add(digest.readUInt32BE(at) % pieceCount);
    }
  }
}
