/** A seed for `scoreOf`, of a name: FNV-1a, stirred. */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return mixed(hash);
}

/** The same of a peer id. @param peerId 20 bytes */
export function seedOfPeer(peerId: Buffer): number {
  return seedOf(peerId.toString('latin1'));
}

/**
 * Rendezvous hashing: an item is for whoever's seed has the highest score with it. All who know the same
 * seeds agree without a word, and one who comes or goes moves no more than its own part.
 *
 * @param item a small number
 */
export function scoreOf(seed: number, item: number): number {
  return mixed(seed ^ mixed(item + 1));
}

/** Every bit of the number depends on every bit of it (the finalizer of MurmurHash3). */
function mixed(number: number): number {
  let bits = number ^ (number >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
