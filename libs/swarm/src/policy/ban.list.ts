/** How long an address is banned, milliseconds. */
export const BAN_MS = 600_000;
/** Offences that make a ban, when none is one by itself. */
const BAN_SCORE = 3;
/** Addresses that are remembered. */
const MOST_ADDRESSES = 4096;

interface Entry {
  score: number;
  until: number;
  /** When the offences are forgotten. */
  fadesAt: number;
}

/** Misbehaviour by address. A machine that sends wrong bytes is banned at once, garbage adds up. */
export class BanList {
  readonly #entries = new Map<string, Entry>();

  isBanned(host: string, now: number): boolean {
    return (this.#entries.get(host)?.until ?? -Infinity) > now;
  }

  /** Addresses that are banned now. */
  count(now: number): number {
    let banned = 0;
    for (const entry of this.#entries.values()) if (entry.until > now) banned++;
    return banned;
  }

  ban(host: string, now: number, forMs = BAN_MS): void {
    this.#entryOf(host, now).until = now + forMs;
  }

  /** A smaller offence. @returns whether it made a ban */
  offend(host: string, now: number): boolean {
    const entry = this.#entryOf(host, now);
    if (++entry.score < BAN_SCORE) return false;
    entry.score = 0;
    entry.until = now + BAN_MS;
    return true;
  }

  #entryOf(host: string, now: number): Entry {
    const known = this.#entries.get(host);
    // Re-inserted, so that the map stays in order of the last offence and the oldest goes first.
    this.#entries.delete(host);
    const entry =
      known !== undefined && known.fadesAt > now
        ? known
        : { score: 0, until: -Infinity, fadesAt: 0 };
    entry.fadesAt = now + BAN_MS;
    this.#entries.set(host, entry);
    if (this.#entries.size > MOST_ADDRESSES) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    return entry;
  }
}
