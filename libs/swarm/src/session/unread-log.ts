import { FleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

/** One entry of a kind in so long, however many reads fail: peers ask again a few times a second each. */
export const TOLD_EVERY_MS = 10_000;

interface Kind {
  /** Failures since the last entry. */
  untold: number;
  /** Monotonic milliseconds. */
  quietUntil: number;
}

/** Tells the log of pieces that could not be read for peers. */
export class UnreadLog {
  readonly #gone: Kind = { untold: 0, quietUntil: -Infinity };
  readonly #failed: Kind = { untold: 0, quietUntil: -Infinity };

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  tell(error: unknown): void {
    if (error instanceof FleetseedError && error.code === 'PIECE_UNAVAILABLE') {
      const times = this.#due(this.#gone);
      if (times > 0) this.logger.info('pieces not served, they cannot be had', { times, error });
      return;
    }
    const times = this.#due(this.#failed);
    if (times > 0) this.logger.warn('pieces not served, the disk failed', { times, error });
  }

  /** @returns how many failures the entry that is due stands for; 0 when none is */
  #due(kind: Kind): number {
    kind.untold++;
    const now = this.clock.monotonic();
    if (now < kind.quietUntil) return 0;
    kind.quietUntil = now + TOLD_EVERY_MS;
    const times = kind.untold;
    kind.untold = 0;
    return times;
  }
}
