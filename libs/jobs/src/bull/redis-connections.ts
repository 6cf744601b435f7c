import { Redis } from 'ioredis';

import { seldom, type Logger } from '#lib/runtime';

import type { RedisAddress } from './redis-address.js';

/** A command that is not answered in this time fails; milliseconds. */
export const COMMAND_MS = 5000;

/** All connections of a queue: they come back by themselves until they are closed together. */
export class RedisConnections {
  readonly #open: Redis[] = [];
  readonly #away = seldom((facts) => this.logger.warn('redis is away', facts));

  constructor(
    private readonly address: RedisAddress,
    private readonly logger: Logger,
  ) {}

  /** For calls of ours: they fail soon while Redis is away. */
  forCommands(): Redis {
    return this.#connect({ maxRetriesPerRequest: 1, commandTimeout: COMMAND_MS });
  }

  /** For BullMQ's loops, which wait for Redis to come back. */
  forLoops(): Redis {
    return this.#connect({ maxRetriesPerRequest: null });
  }

  close(): void {
    for (const redis of this.#open.splice(0)) redis.disconnect();
  }

  #connect(more: { maxRetriesPerRequest: number | null; commandTimeout?: number }): Redis {
    const redis = new Redis({
      ...this.address.options,
      ...more,
      retryStrategy: (times: number) => Math.min(1000, 50 * times),
    });
    redis.on('error', (error: Error) => this.#away({ redis: this.address.shown, error }));
    this.#open.push(redis);
    return redis;
  }
}
