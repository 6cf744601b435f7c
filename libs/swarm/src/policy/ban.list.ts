/** How long a peer is banned, milliseconds. */
export const BAN_MS = 600_000;
/** Offences that make a ban, when none is one by itself. */
const BAN_SCORE = 3;
/** So many banned peers on one host, and the host is banned. */
const HOST_SCORE = 8;
/** Peers that are remembered. */
const MOST_PEERS = 4096;

interface Entry {
  readonly host: string;
  score: number;
  until: number;
  /** When the offences are forgotten. */
  fadesAt: number;
}

/** Who misbehaves: a peer is its host and the port it listens on, or whatever else tells it apart. */
export interface BanSubject {
  readonly host: string;
  readonly peer: string;
}

/**
 * Misbehaviour by peer. Many machines may stand behind one address (NAT, a node's pods), so a ban is of
 * the peer and not of its host, until too many peers of the host are banned. A machine that sends
 * wrong bytes is banned at once, smaller offences add up.
 */
export class BanList {
  readonly #entries = new Map<string, Entry>();

  isBanned({ host, peer }: BanSubject, now: number): boolean {
    const until = this.#entries.get(peer)?.until ?? -Infinity;
    return until > now || this.isHostBanned(host, now);
  }

  /** So many peers of the host are banned that all of it is. */
  isHostBanned(host: string, now: number): boolean {
    return this.#bannedOn(host, now) >= HOST_SCORE;
  }

  /** Peers that are banned now. */
  count(now: number): number {
    let banned = 0;
    for (const entry of this.#entries.values()) if (entry.until > now) banned++;
    return banned;
  }

  ban(subject: BanSubject, now: number, forMs = BAN_MS): void {
    this.#entryOf(subject, now).until = now + forMs;
  }

  /** A smaller offence. @returns whether it made a ban */
  offend(subject: BanSubject, now: number): boolean {
    const entry = this.#entryOf(subject, now);
    if (++entry.score < BAN_SCORE) return false;
    entry.score = 0;
    entry.until = now + BAN_MS;
    return true;
  }

  #bannedOn(host: string, now: number): number {
    let banned = 0;
    for (const entry of this.#entries.values()) {
      if (entry.host === host && entry.until > now) banned++;
    }
    return banned;
  }

  #entryOf({ host, peer }: BanSubject, now: number): Entry {
    const known = this.#entries.get(peer);
    // Re-inserted, so that the map stays in order of the last offence and the oldest goes first.
    this.#entries.delete(peer);
    const entry =
      known !== undefined && known.fadesAt > now
        ? known
        : { host, score: 0, until: -Infinity, fadesAt: 0 };
    entry.fadesAt = now + BAN_MS;
    this.#entries.set(peer, entry);
    if (this.#entries.size > MOST_PEERS) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    return entry;
  }
}
