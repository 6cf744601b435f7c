import type { Redis } from 'ioredis';

import type { RedisScript } from './redis-script.js';

/** Runs scripts at the time of the store, which is their first argument. */
export class ScriptRunner {
  /** @param time in ms, or `''` for the clock of the server. */
  constructor(
    readonly redis: Redis,
    private readonly time: () => number | '',
  ) {}

  run(
    script: RedisScript,
    keys: readonly string[],
    words: readonly (string | number)[],
  ): Promise<unknown> {
    return script.run(this.redis, keys, [this.time(), ...words]);
  }

  /** Without waiting: what is lost with Redis away is of no use when it is back. */
  send(script: RedisScript, keys: readonly string[], words: readonly (string | number)[]): void {
    this.run(script, keys, words).catch(() => undefined);
  }
}
