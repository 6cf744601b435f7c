import type { Clock } from '#lib/runtime';

import type { Transport } from '../peer/transport.js';
import type { RateLimiter } from '../policy/rate.limiter.js';
import { PacedTransport, type ReadGate } from './paced.transport.js';

/** Timers of less are not worth their while, milliseconds. */
const LEAST_PAUSE_MS = 2;

/**
 * Holds what is read to the limits of the session and of its torrents: connections that came to the
 * end of a limit wait in the order they came to it.
 */
export class ReadGovernor implements ReadGate {
  readonly #waiting = new Set<PacedTransport>();
  #cancelTimer: (() => void) | null = null;
  #timerAt = Infinity;
  /** Bytes handed on since the start. */
  received = 0;

  constructor(
    private readonly limiter: RateLimiter,
    private readonly clock: Clock,
  ) {}

  pace(transport: Transport): PacedTransport {
    return new PacedTransport(transport, this);
  }

  /** It waits for its limits. */
  holds(transport: Transport): boolean {
    return transport instanceof PacedTransport && this.#waiting.has(transport);
  }

  grant(reader: PacedTransport): number {
    const { limiter } = reader;
    if (this.limiter.rate === null && (limiter === null || limiter.rate === null)) return Infinity;
    const now = this.clock.monotonic();
    const own = limiter === null ? Infinity : limiter.grant(now);
    return Math.min(own, this.limiter.grant(now));
  }

  spent(reader: PacedTransport, bytes: number): void {
    this.received += bytes;
    const { limiter } = reader;
    if (this.limiter.rate === null && (limiter === null || limiter.rate === null)) return;
    const now = this.clock.monotonic();
    this.limiter.spend(bytes, now);
    limiter?.spend(bytes, now);
  }

  /** Bytes came in another way than by a transport. Resolves when more may come. */
  async drew(limiter: RateLimiter, bytes: number): Promise<void> {
    const now = this.clock.monotonic();
    this.limiter.spend(bytes, now);
    limiter.spend(bytes, now);
    const ms = Math.max(this.limiter.waitMs(now), limiter.waitMs(now));
    if (ms === 0) return;
    await new Promise<void>((resolve) => {
      this.clock.setTimer(Math.ceil(ms), resolve);
    });
  }

  wait(reader: PacedTransport): void {
    this.#waiting.add(reader);
    this.#releaseIn(this.#waitMs(reader));
  }

  forget(reader: PacedTransport): void {
    this.#waiting.delete(reader);
  }

  /** Lets go on who may; also to be called when limits change. */
  release(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    // Who does not get through at once waits again, behind the others, and is not looked at twice.
    const waiting = [...this.#waiting];
    for (const reader of waiting) {
      if (this.grant(reader) === 0) continue;
      this.#waiting.delete(reader);
      reader.goOn();
    }
    let ms = Infinity;
    for (const reader of this.#waiting) ms = Math.min(ms, this.#waitMs(reader));
    if (ms < Infinity) this.#releaseIn(ms);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#waiting.clear();
  }

  #waitMs(reader: PacedTransport): number {
    const now = this.clock.monotonic();
    return Math.max(this.limiter.waitMs(now), reader.limiter?.waitMs(now) ?? 0);
  }

  #releaseIn(ms: number): void {
    const now = this.clock.monotonic();
    const at = now + Math.max(LEAST_PAUSE_MS, Math.ceil(ms));
    if (this.#cancelTimer && this.#timerAt <= at) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.clock.setTimer(at - now, () => {
      this.#cancelTimer = null;
      this.release();
    });
  }
}
