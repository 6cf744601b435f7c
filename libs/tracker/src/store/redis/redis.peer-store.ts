import type { Redis } from 'ioredis';

import type { Clock, Random } from '#lib/runtime';

import { flagsOf } from '../candidate-flags.js';
import { CandidateSet, MAX_CANDIDATES } from '../candidate-set.js';
import {
  MAX_ORIGINS,
  type PeerAnnounce,
  type PeerAnnounced,
  type PeerRecord,
  type PeerStore,
  type PeerStoreStats,
  type PickPeers,
  type SwarmCounts,
  type SwarmId,
} from '../peer-store.js';
import { EpochMark } from './epoch-mark.js';
import { ANNOUNCE, HANDED_OUT, LOOK } from './peer-scripts.js';
import { encodeRecord, memberOf } from './record.codec.js';
import { RedisScript } from './redis-script.js';
import { readAnswer, type ScriptAnswer } from './script-answer.js';
import { ScriptRunner } from './script-runner.js';
import { StoreKeys } from './store-keys.js';
import { DEFAULT_REDIS_STORE_LIMITS, SwarmCensus, type RedisStoreLimits } from './swarm-census.js';

export { DEFAULT_REDIS_STORE_LIMITS, type RedisStoreLimits } from './swarm-census.js';

/**
 * How the store's connection has to be made, besides where to: what cannot be answered soon fails, and
 * nothing is kept to be sent late.
 */
export const PEER_STORE_CONNECTION = {
  commandTimeout: 1000,
  connectTimeout: 5000,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(1000, 50 * times),
} as const;

export interface RedisPeerStoreOptions {
  /** Connected, with {@link PEER_STORE_CONNECTION}; whoever made it closes it after the store. */
  readonly redis: Redis;
  /** What all keys begin with; no braces. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<RedisStoreLimits>;
  /** Whose time records expire by: that of Redis unless told, so that clocks of replicas may differ. */
  readonly time?: 'redis' | 'clock';
  /** How old stats may be, ms. */
  readonly statsGoodForMs?: number;
  /** How often the epoch is looked at, ms. */
  readonly watchMs?: number;
}

const MAX_LIFETIME_MS = 3_600_000;
/** Announces of a batch that are under way at a time. */
const SIDE_BY_SIDE = 500;
/** Peers of one swarm that are listed: a script's answer is made in one piece. */
const MAX_LISTED = 2000;
const SEEDS = 2 ** 31;

const ANNOUNCE_SCRIPT = new RedisScript(ANNOUNCE);
const LOOK_SCRIPT = new RedisScript(LOOK);
const HANDED_OUT_SCRIPT = new RedisScript(HANDED_OUT);

/**
 * The store that several replicas share. An announce waits for one round trip; what was chosen is added
 * to the loads by a message after it, which nobody waits for. Rejects when Redis does not answer: see
 * SurvivingPeerStore.
 */
export class RedisPeerStore implements PeerStore {
  readonly #runner: ScriptRunner;
  readonly #keys: StoreKeys;
  readonly #census: SwarmCensus;
  readonly #limits: RedisStoreLimits;
  readonly #set = new CandidateSet();

  private constructor(
    private readonly options: RedisPeerStoreOptions,
    private readonly mark: EpochMark,
  ) {
    const { redis, prefix, clock, time = 'redis', statsGoodForMs: goodForMs = 5000 } = options;
    this.#limits = { ...DEFAULT_REDIS_STORE_LIMITS, ...options.limits };
    this.#keys = new StoreKeys(prefix);
    this.#runner = new ScriptRunner(redis, () => (time === 'redis' ? '' : clock.now()));
    const [runner, keys, limits] = [this.#runner, this.#keys, this.#limits];
    this.#census = new SwarmCensus({ runner, keys, clock, limits, goodForMs });
  }

  static async open(options: RedisPeerStoreOptions): Promise<RedisPeerStore> {
    const { redis, prefix, clock, watchMs: everyMs = 2000 } = options;
    const key = new StoreKeys(prefix).epoch;
    return new RedisPeerStore(options, await EpochMark.open({ redis, key, clock, everyMs }));
  }

  get epoch(): string {
    return this.mark.current;
  }

  onNewEpoch(listener: (epoch: string) => void): () => void {
    return this.mark.onNew(listener);
  }

  async announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced> {
    const { swarm, peer } = announce;
    const sample = Math.min(announce.sample, MAX_CANDIDATES - MAX_ORIGINS);
    const told = await this.#tell(announce, sample);
    const { counts, stored } = told;
    if (told.records.length === 0) return { counts, picked: [], stored };
    const chosen = this.#choose(peer, told, pick);
    if (chosen.length > 0) {
      const members = chosen.map((at) => told.members[at]!);
      this.#runner.send(HANDED_OUT_SCRIPT, this.#keys.swarm(swarm), members);
    }
    const picked = chosen.map((at) => ({ ...told.records[at]!, load: told.loads[at]! }));
    return { counts, picked, stored };
  }

  async announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    let stored = 0;
    for (let at = 0; at < announces.length; at += SIDE_BY_SIDE) {
      const some = announces.slice(at, at + SIDE_BY_SIDE);
      const told = await Promise.all(some.map((announce) => this.#tell(announce, 0)));
      stored += told.filter((each) => each.stored).length;
    }
    return stored;
  }

  async counts(swarm: SwarmId): Promise<SwarmCounts> {
    return (await this.#look(swarm, 0)).counts;
  }

  async peers(swarm: SwarmId, limit: number): Promise<PeerRecord[]> {
    return [...(await this.#look(swarm, Math.min(limit, MAX_LISTED))).records];
  }

  stats(): Promise<PeerStoreStats> {
    return this.#census.stats();
  }

  /** Stops looking at the epoch; the connection is its maker's. */
  close(): void {
    this.mark.close();
  }

  async #tell({ swarm, peer, stopped }: PeerAnnounce, sample: number): Promise<ScriptAnswer> {
    const now = this.options.clock.now();
    const lifetime = Math.ceil(Math.min(peer.expiresAt - now, MAX_LIFETIME_MS));
    const answer = await this.#runner.run(ANNOUNCE_SCRIPT, this.#keys.swarm(swarm), [
      memberOf(peer),
      encodeRecord(peer),
      lifetime,
      stopped ? 1 : 0,
      sample,
      MAX_ORIGINS,
      Math.floor(this.options.random() * SEEDS),
      this.#census.room(),
      this.#limits.maxStrangersPerHost,
    ]);
    const told = readAnswer(answer, now);
    this.#census.note(swarm, told.listed);
    return told;
  }

  async #look(swarm: SwarmId, limit: number): Promise<ScriptAnswer> {
    const now = this.options.clock.now();
    const answer = await this.#runner.run(LOOK_SCRIPT, this.#keys.swarm(swarm), [limit]);
    return readAnswer(answer, now);
  }

  /** Places in the answer of those that were chosen. */
  #choose(self: PeerRecord, told: ScriptAnswer, pick: PickPeers): number[] {
    const set = this.#set;
    const places: number[] = [];
    set.clear();
    for (const [at, record] of told.records.entries()) {
      if (record.peerId.equals(self.peerId)) continue;
      set.loads[set.length] = told.loads[at]!;
      set.flags[set.length++] = flagsOf(self, record);
      places.push(at);
    }
    pick(set, told.counts.complete);
    return Array.from(set.chosen.subarray(0, set.chosenLength), (place) => places[place]!);
  }
}
