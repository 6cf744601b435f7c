import type { PeerConnection } from '../peer/peer-connection.js';

/** In all there are at most so many times as many transfers as places. */
const MOST_TIMES_PLACES = 3;
/** Who has not read for this long may be parted from when places are short, milliseconds. */
const PARTED_AFTER_MS = 10_000;

/**
 * The transfers under way, by connection. Those to peers that do not read hold no place, or a few of them
 * would keep all others from being served; but they hold memory, so there is an end to them.
 */
export class StuckTransfers {
  readonly #of = new Map<PeerConnection, number>();
  #count = 0;

  /** Transfers under way. */
  get count(): number {
    return this.#count;
  }

  begin(connection: PeerConnection): void {
    this.#count++;
    this.#of.set(connection, (this.#of.get(connection) ?? 0) + 1);
  }

  end(connection: PeerConnection): void {
    this.#count--;
    const left = this.#of.get(connection)! - 1;
    if (left > 0) this.#of.set(connection, left);
    else this.#of.delete(connection);
  }

  /** Whether another transfer may begin. */
  hasPlace(places: number, now: number): boolean {
    if (this.#count < places) return true;
    if (this.#count >= places * MOST_TIMES_PLACES) return false;
    let moving = 0;
    for (const [connection, transfers] of this.#of) {
      if (connection.stuckMs(now) === 0) moving += transfers;
    }
    return moving < places;
  }

  /** Who has not read for longest, and for too long while others wait; null when everybody reads. */
  longestStuck(now: number): PeerConnection | null {
    let longest: PeerConnection | null = null;
    let longestMs = PARTED_AFTER_MS;
    for (const connection of this.#of.keys()) {
      const stuckMs = connection.stuckMs(now);
      if (stuckMs <= longestMs) continue;
      longest = connection;
      longestMs = stuckMs;
    }
    return longest;
  }
}
