import type { Clock } from '#lib/runtime';

/** What happened within this time makes the rate, milliseconds. */
const WINDOW_MS = 5_000;
/** Samples closer together than this count as one. */
const STEP_MS = 200;

/** The rate of a growing count over the last seconds, and what it means for what is left. */
export class RateMeter {
  private readonly samples: { readonly at: number; readonly count: number }[] = [];

  constructor(private readonly clock: Clock) {}

  /** Takes in the count as it is now. */
  note(count: number): void {
    const at = this.clock.monotonic();
    const last = this.samples.at(-1);
    if (last && at - last.at < STEP_MS) return;
    this.samples.push({ at, count });
    while (this.samples.length > 2 && at - this.samples[0]!.at > WINDOW_MS) this.samples.shift();
  }

  /** Per second; 0 until there are two samples. */
  perSecond(count: number): number {
    const first = this.samples[0];
    const elapsed = first ? this.clock.monotonic() - first.at : 0;
    if (!first || elapsed <= 0) return 0;
    return Math.max(0, ((count - first.count) * 1000) / elapsed);
  }

  /** Seconds until `total`; null while nothing moves. */
  secondsLeft(count: number, total: number): number | null {
    const rate = this.perSecond(count);
    return rate > 0 ? Math.max(0, total - count) / rate : null;
  }
}
