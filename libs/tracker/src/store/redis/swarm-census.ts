import type { Clock } from '#lib/runtime';

import type { PeerStoreStats, SwarmId } from '../peer-store.js';
import { LIST_SWARMS, LOOK } from './peer-scripts.js';
import { RedisScript } from './redis-script.js';
import type { ScriptRunner } from './script-runner.js';
import type { StoreKeys } from './store-keys.js';

export interface RedisStoreLimits {
  readonly maxSwarms: number;
  /** Records in all swarms together: about 0.5 kB of Redis each. */
  readonly maxPeers: number;
  /** Strangers with one address in one swarm. */
  readonly maxStrangersPerHost: number;
}

export const DEFAULT_REDIS_STORE_LIMITS: RedisStoreLimits = {
  maxSwarms: 200_000,
  maxPeers: 4_000_000,
  maxStrangersPerHost: 32,
};

export interface SwarmCensusOptions {
  readonly runner: ScriptRunner;
  readonly keys: StoreKeys;
  readonly clock: Clock;
  readonly limits: RedisStoreLimits;
  /** For how long a count is good, ms. */
  readonly goodForMs: number;
}

const LOOK_SCRIPT = new RedisScript(LOOK);
const LIST_SCRIPT = new RedisScript(LIST_SWARMS);
/** Between counts for the limits. */
const COUNT_EVERY_MS = 10_000;
/** A count that took long is good for so many times as long: counting is a small part of all work. */
const GOOD_FOR_TIMES = 20;

/** What a new record may be stored in, as the announce script wants to know it. */
export const ROOM = { none: 0, inKnownSwarms: 1, anywhere: 2 } as const;

/**
 * How much there is in all swarms. No script sees more than one swarm, so this is counted by going over
 * a list of them, now and then; what a limit lets through is more by what comes between two counts.
 */
export class SwarmCensus {
  #last: PeerStoreStats = { swarms: 0, peers: 0 };
  #takenAt = -Infinity;
  #tookMs = 0;
  #underWay: Promise<PeerStoreStats> | undefined;

  constructor(private readonly options: SwarmCensusOptions) {}

  /** Puts a swarm on the list. @param until somebody may be in it, ms; 0 when the list knows. */
  note(swarm: SwarmId, until: number): void {
    if (until === 0) return;
    const { runner, keys } = this.options;
    runner.redis.zadd(keys.swarms, until, swarm).catch(() => undefined);
  }

  /** At most a few seconds old. */
  async stats(): Promise<PeerStoreStats> {
    return this.#isOlderThan(this.options.goodForMs) ? this.#count() : this.#last;
  }

  room(): number {
    if (this.#isOlderThan(COUNT_EVERY_MS)) this.#count().catch(() => undefined);
    const { maxPeers, maxSwarms } = this.options.limits;
    if (this.#last.peers >= maxPeers) return ROOM.none;
    return this.#last.swarms >= maxSwarms ? ROOM.inKnownSwarms : ROOM.anywhere;
  }

  #isOlderThan(ms: number): boolean {
    const age = this.options.clock.monotonic() - this.#takenAt;
    return age >= Math.max(ms, GOOD_FOR_TIMES * this.#tookMs);
  }

  #count(): Promise<PeerStoreStats> {
    this.#underWay ??= this.#goOver().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  async #goOver(): Promise<PeerStoreStats> {
    const { runner, keys, clock } = this.options;
    const began = clock.monotonic();
    // Not again at once when this fails.
    this.#takenAt = began;
    let [swarms, peers] = [0, 0];
    let cursor = '0';
    do {
      const [next, page] = (await runner.run(LIST_SCRIPT, [keys.swarms], [cursor])) as [
        string,
        string[],
      ];
      cursor = next;
      const ids = page.filter((_, at) => at % 2 === 0);
      const sizes = await Promise.all(ids.map((id) => this.#sizeOf(id)));
      for (const size of sizes) {
        peers += size;
        if (size > 0) swarms++;
      }
    } while (cursor !== '0');
    this.#takenAt = clock.monotonic();
    this.#tookMs = this.#takenAt - began;
    return (this.#last = { swarms, peers });
  }

  async #sizeOf(swarm: SwarmId): Promise<number> {
    const { runner, keys } = this.options;
    const told = (await runner.run(LOOK_SCRIPT, keys.swarm(swarm), [0])) as number[];
    return told[0]! + told[1]! + told[2]! + told[3]!;
  }
}
