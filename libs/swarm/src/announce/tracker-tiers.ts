import { shuffle, type Random } from '#lib/runtime';

export interface Tracker {
  readonly url: string;
  /** What it sent as `tracker id`, to be sent back. */
  trackerId: string | undefined;
  /** It asked not to be asked before this time (BEP 31), monotonic milliseconds; Infinity for never. */
  heldUntil: number;
}

/**
 * The order in which trackers are tried (BEP 12): tier after tier, each shuffled once, and whoever
 * answered moves to the front of its tier.
 */
export class TrackerTiers {
  readonly #tiers: Tracker[][];

  /** URLs that are neither HTTP nor UDP are left out. */
  constructor(tiers: readonly (readonly string[])[], random: Random) {
    this.#tiers = tiers.map((urls) => {
      const usable = [...new Set(urls)].filter((url) => /^(?:https?|udp):\/\//i.test(url));
      return shuffle(
        usable.map((url) => ({ url, trackerId: undefined, heldUntil: 0 })),
        random,
      );
    });
  }

  /** Those that may be asked at `now`, in order. */
  askable(now: number): Tracker[] {
    return this.#tiers.flat().filter((tracker) => tracker.heldUntil <= now);
  }

  /** When the first tracker may be asked again; Infinity when none ever. */
  get firstHeldUntil(): number {
    return Math.min(Infinity, ...this.#tiers.flat().map(({ heldUntil }) => heldUntil));
  }

  answered(tracker: Tracker): void {
    const tier = this.#tiers.find((trackers) => trackers.includes(tracker))!;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }
}

export function isUdp(url: string): boolean {
  return /^udp:/i.test(url);
}
