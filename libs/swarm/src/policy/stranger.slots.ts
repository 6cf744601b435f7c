/** Strangers that are served at once. */
export const STRANGER_SLOTS = 8;
/** How long one is served at least before another takes its turn, milliseconds. */
const TURN_MS = 10_000;

export interface SlotChange<P> {
  readonly peer: P;
  readonly unchoke: boolean;
}

/**
 * Which strangers are unchoked: those that are interested, a few at a time, in turn. Members are never
 * choked and have no part in this.
 */
export class StrangerSlots<P> {
  /** Interested and choked, the one that waits longest first. */
  readonly #waiting = new Set<P>();
  /** Unchoked, with the time since when; the longest first. */
  readonly #served = new Map<P, number>();

  constructor(private readonly slots = STRANGER_SLOTS) {}

  interested(peer: P): void {
    if (!this.#served.has(peer)) this.#waiting.add(peer);
  }

  /** No longer interested, or gone. @returns true when it held a slot, and is to be choked */
  leave(peer: P): boolean {
    this.#waiting.delete(peer);
    return this.#served.delete(peer);
  }

  isServed(peer: P): boolean {
    return this.#served.has(peer);
  }

  /** Fills free slots, and lets others take the place of who had its turn. */
  turn(now: number): SlotChange<P>[] {
    const changes: SlotChange<P>[] = [];
    // Who loses its turn goes to the end of this list, where the loop meets it last and stops.
    for (const peer of this.#waiting) {
      if (this.#served.size >= this.slots && !this.#endTurn(now, changes)) break;
      this.#waiting.delete(peer);
      this.#served.set(peer, now);
      changes.push({ peer, unchoke: true });
    }
    return changes;
  }

  #endTurn(now: number, changes: SlotChange<P>[]): boolean {
    const [longest] = this.#served;
    if (longest === undefined || now - longest[1] < TURN_MS) return false;
    this.#served.delete(longest[0]);
    this.#waiting.add(longest[0]);
    changes.push({ peer: longest[0], unchoke: false });
    return true;
  }
}
