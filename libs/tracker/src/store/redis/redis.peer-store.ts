import type { Redis } from 'ioredis';

import type { Clock, Random } from '#lib/runtime';

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
import { ANNOUNCE } from './announce-script.js';
import type { Asker } from './candidate-pool.js';
import { EpochMark } from './epoch-mark.js';
import { HANDED_OUT, LOOK } from './peer-scripts.js';
import { memberOf, peerIdText, plain } from './record.codec.js';
import { RedisScript } from './redis-script.js';
import { readAnswer, type ScriptAnswer } from './script-answer.js';
import { ScriptRunner } from './script-runner.js';
import { StoreKeys } from './store-keys.js';
import { DEFAULT_REDIS_STORE_LIMITS, SwarmCensus, type RedisStoreLimits } from './swarm-census.js';
import { SwarmLine } from './swarm-line.js';

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

/** Announces of a batch that are under way at a time. */
const SIDE_BY_SIDE = 500;
/** Peers of one swarm that are listed: a script's answer is made in one piece. */
const MAX_LISTED = 2000;
const SEEDS = 2 ** 31;
/** Hand-outs are told to Redis no later than this, ms: a small part of the time in which they fade. */
const TELL_WITHIN_MS = 500;
/** Where an answer says until when the list of swarms is to have the swarm. */
const LISTED_AT = 5;

const ANNOUNCE_SCRIPT = new RedisScript(ANNOUNCE);
const LOOK_SCRIPT = new RedisScript(LOOK);
const HANDED_OUT_SCRIPT = new RedisScript(HANDED_OUT);

/**
 * The store that several replicas share. An announce waits for one round trip, together with others in its
 * swarm; what was chosen is added to the loads a moment later. Rejects when Redis does not answer: see
 * SurvivingPeerStore.
 */
export class RedisPeerStore implements PeerStore {
  readonly #runner: ScriptRunner;
  readonly #keys: StoreKeys;
  readonly #census: SwarmCensus;
  readonly #limits: RedisStoreLimits;
  readonly #set = new CandidateSet();
  /** Of swarms in which somebody announces at the moment. */
  readonly #lines = new Map<SwarmId, SwarmLine>();
  #cancelTelling: (() => void) | null = null;

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
    const { counts, stored, pool } = await this.#lineOf(swarm).announce(announce, sample);
    if (sample <= 0) return { counts, picked: [], stored };
    const now = this.options.clock.now();
    const known = this.#lines.get(swarm)?.handOuts;
    pool.fill(this.#set, askerOf(peer, sample), (member) => known?.loadOf(member, now) ?? 0);
    pick(this.#set, counts.complete);
    const { members, picked } = pool.take(this.#set, now);
    if (members.length > 0) this.#note(swarm, members, now);
    return { counts, picked, stored };
  }

  async announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    let stored = 0;
    for (let at = 0; at < announces.length; at += SIDE_BY_SIDE) {
      const some = announces.slice(at, at + SIDE_BY_SIDE);
      const told = await Promise.all(
        some.map((announce) => this.#lineOf(announce.swarm).announce(announce, 0)),
      );
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
    this.#cancelTelling?.();
    this.mark.close();
  }

  #lineOf(swarm: SwarmId): SwarmLine {
    const known = this.#lines.get(swarm);
    if (known) return known;
    const keys = this.#keys.swarm(swarm);
    const { clock, random } = this.options;
    const line: SwarmLine = new SwarmLine({
      tell: (words) => this.#tell(swarm, keys, words),
      random,
      now: () => clock.now(),
      // One with hand-outs to be told goes when they were.
      onIdle: () => this.#cancelTelling ?? this.#lines.delete(swarm),
    });
    this.#lines.set(swarm, line);
    return line;
  }

  async #tell(
    swarm: SwarmId,
    keys: readonly string[],
    words: (string | number)[],
  ): Promise<unknown[]> {
    const seed = Math.floor(this.options.random() * SEEDS);
    const { maxStrangersPerHost } = this.#limits;
    const answer = (await this.#runner.run(ANNOUNCE_SCRIPT, keys, [
      MAX_ORIGINS,
      seed,
      this.#census.room(),
      maxStrangersPerHost,
      ...words,
    ])) as unknown[];
    this.#census.note(swarm, answer[LISTED_AT] as number);
    return answer;
  }

  /** A line that went idle is made again only for who has something to be told of: nobody else would end it. */
  #note(swarm: SwarmId, members: readonly string[], now: number): void {
    const { handOuts } = this.#lineOf(swarm);
    for (const member of members) handOuts.note(member, now);
    this.#tellLater();
  }

  /** Hand-outs are told together, because the same peers are handed out again and again. */
  #tellLater(): void {
    this.#cancelTelling ??= this.options.clock.setTimer(TELL_WITHIN_MS, () => {
      this.#cancelTelling = null;
      const now = this.options.clock.now();
      for (const [swarm, line] of this.#lines) {
        for (const words of line.handOuts.takeWords(now)) {
          this.#runner.send(HANDED_OUT_SCRIPT, this.#keys.swarm(swarm), words);
        }
        if (!line.isBusy) this.#lines.delete(swarm);
      }
    });
  }

  async #look(swarm: SwarmId, limit: number): Promise<ScriptAnswer> {
    const now = this.options.clock.now();
    const answer = await this.#runner.run(LOOK_SCRIPT, this.#keys.swarm(swarm), [limit]);
    return readAnswer(answer, now);
  }
}

/** Labels are compared as records have them. */
function askerOf(peer: PeerRecord, sample: number): Asker {
  const self = { ...peer, zone: plain(peer.zone), rack: plain(peer.rack) };
  return { member: memberOf(peer), self, peerId: peerIdText(peer), sample };
}
