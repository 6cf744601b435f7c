import type { Redis } from 'ioredis';

import { randomSecret, repeat, type Clock } from '#lib/runtime';

export interface EpochMarkOptions {
  readonly redis: Redis;
  readonly key: string;
  readonly clock: Clock;
  readonly everyMs: number;
}

/**
 * A random text in Redis, made by whoever finds none: all who share that Redis see the same one, and
 * another when everything was lost. While Redis is away it stays what it was.
 */
export class EpochMark {
  readonly #listeners = new Set<(epoch: string) => void>();
  readonly #stop: () => void;

  private constructor(
    private readonly options: EpochMarkOptions,
    private value: string,
  ) {
    const { redis, clock, everyMs } = options;
    redis.on('ready', this.#onReady);
    this.#stop = repeat(() => this.#look(), {
      clock,
      pauseMs: everyMs,
      // It is away, and looked at again.
      onError: () => undefined,
    });
  }

  static async open(options: EpochMarkOptions): Promise<EpochMark> {
    return new EpochMark(options, await readMark(options));
  }

  get current(): string {
    return this.value;
  }

  /** @returns what ends it */
  onNew(listener: (epoch: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop();
    this.options.redis.off('ready', this.#onReady);
  }

  readonly #onReady = (): void => {
    this.#look().catch(() => undefined);
  };

  async #look(): Promise<void> {
    const found = await readMark(this.options);
    if (found === this.value) return;
    this.value = found;
    for (const listener of this.#listeners) listener(found);
  }
}

async function readMark({ redis, key }: EpochMarkOptions): Promise<string> {
  const found = await redis.get(key);
  if (found !== null) return found;
  const fresh = randomSecret(9);
  await redis.set(key, fresh, 'NX');
  return (await redis.get(key)) ?? fresh;
}
