import type { PeerAnnounce } from './peer-store.js';

/** More than ten thousand machines announce in a minute while they download. */
const MOST = 200_000;

/** The latest announce of each peer that a store did not take; bounded, what is too much is forgotten. */
export class MissedAnnounces {
  readonly #announces = new Map<string, PeerAnnounce>();

  get size(): number {
    return this.#announces.size;
  }

  note(announce: PeerAnnounce): void {
    const key = keyOf(announce);
    if (this.#announces.size < MOST || this.#announces.has(key)) this.#announces.set(key, announce);
  }

  /** The peer was heard of again. */
  forget(announce: PeerAnnounce): void {
    if (this.#announces.size > 0) this.#announces.delete(keyOf(announce));
  }

  /** Takes some out, those left out that are over. */
  take(most: number, now: number): PeerAnnounce[] {
    const taken: PeerAnnounce[] = [];
    for (const [key, announce] of this.#announces) {
      if (taken.length >= most) break;
      this.#announces.delete(key);
      if (announce.peer.expiresAt > now) taken.push(announce);
    }
    return taken;
  }
}

function keyOf({ swarm, peer: { host, port, peerId } }: PeerAnnounce): string {
  return `${swarm} ${host} ${port === 0 ? peerId.toString('base64url') : port}`;
}
