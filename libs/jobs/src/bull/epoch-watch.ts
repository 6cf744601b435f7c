import { randomUUID } from 'node:crypto';

import type { Redis } from 'ioredis';

import { repeat, type Clock } from '#lib/runtime';

export interface EpochWatchOptions {
  readonly redis: Redis;
  readonly key: string;
  readonly clock: Clock;
  readonly everyMs: number;
  /** Everything that was in Redis is gone. */
  readonly onEmptied: () => void;
  /** Redis is back after calls to it have failed. */
  readonly onBack: () => void;
}

/**
 * Notices that Redis was emptied: a random mark under a key, made by whoever finds none. Whoever
 * sees another mark than before knows that everything written before it is gone.
 */
export class EpochWatch {
  #known: string | undefined;
  #down = false;
  #stop: () => void = () => undefined;

  constructor(private readonly options: EpochWatchOptions) {}

  /** Reads the first mark, then looks again and again, and at once when Redis is back. */
  async start(): Promise<void> {
    const { redis, clock, everyMs } = this.options;
    this.#known = await this.#mark();
    redis.on('close', this.#onClose);
    redis.on('ready', this.#onReady);
    this.#stop = repeat(() => this.#look(), {
      clock,
      pauseMs: everyMs,
      onError: () => this.doubt(),
    });
  }

  /** A call of somebody else has failed: what it was to write may be lacking. */
  doubt(): void {
    this.#down = true;
  }

  stop(): void {
    const { redis } = this.options;
    this.#stop();
    redis.off('close', this.#onClose);
    redis.off('ready', this.#onReady);
  }

  readonly #onClose = () => this.doubt();

  readonly #onReady = () => {
    this.#look().catch(() => this.doubt());
  };

  async #look(): Promise<void> {
    const mark = await this.#mark();
    const emptied = mark !== this.#known;
    const back = this.#down;
    this.#known = mark;
    this.#down = false;
    if (emptied) this.options.onEmptied();
    else if (back) this.options.onBack();
  }

  async #mark(): Promise<string> {
    const { redis, key } = this.options;
    const found = await redis.get(key);
    if (found !== null) return found;
    const fresh = randomUUID();
    await redis.set(key, fresh, 'NX');
    return (await redis.get(key)) ?? fresh;
  }
}
