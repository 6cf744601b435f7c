import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';

import type { RedisAddress } from '#lib/jobs';
import { seldom, type Clock, type Logger } from '#lib/runtime';

import { checkBusText, type BusListener, type ReplicaBus } from './replica-bus.js';

export interface RedisReplicaBusOptions {
  readonly address: RedisAddress;
  /** What the names of all channels begin with. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often it is seen whether texts get through, ms. */
  readonly probeMs?: number;
}

const PROBE_MS = 1000;
/** What Redis did not take yet; beyond this it is as good as away. */
const MAX_UNSENT = 64 * 1024 * 1024;
const ID_LENGTH = 36;
/** A replica's word to itself. */
const PROBE = '';

const CONNECTION = {
  lazyConnect: true,
  connectTimeout: 5000,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(1000, 50 * times),
} as const;

/**
 * The bus over Redis: one channel for all and one for each replica. It is up while a replica's own
 * probes come back to it, which tells also of a Redis that holds its connections and answers nothing.
 */
export class RedisReplicaBus implements ReplicaBus {
  readonly self = randomUUID();
  readonly isLonely = false;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #listeners = new Set<BusListener>();
  readonly #changes = new Set<(isUp: boolean) => void>();
  #isUp = false;
  #closed = false;
  #unsent = 0;
  #probeIsOut = false;
  #cancelProbe: () => void = () => undefined;

  private constructor(private readonly options: RedisReplicaBusOptions) {
    const connection = { ...options.address.options, ...CONNECTION };
    this.#publisher = new Redis(connection);
    // What it is subscribed to it subscribes to again by itself when it comes back.
    this.#subscriber = new Redis(connection);
    const away = seldom((facts) => options.logger.warn('redis is away', facts));
    for (const redis of [this.#publisher, this.#subscriber]) {
      redis.on('error', (error: Error) => away({ redis: options.address.shown, error }));
      redis.on('close', () => this.#set(false));
    }
    this.#subscriber.on('message', (_channel: string, message: string) => this.#heard(message));
  }

  /** Resolves when texts get through. @throws what the client says */
  static async open(options: RedisReplicaBusOptions): Promise<RedisReplicaBus> {
    const bus = new RedisReplicaBus(options);
    try {
      await bus.#start();
      return bus;
    } catch (error) {
      await bus.close();
      throw error;
    }
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  publish(text: string, to?: string): void {
    checkBusText(text);
    if (!this.#isUp || this.#closed) return;
    this.#send(to === undefined ? this.#all : this.#channelOf(to), this.self + text);
  }

  subscribe(listener: BusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onChange(listener: (isUp: boolean) => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelProbe();
    this.#listeners.clear();
    this.#changes.clear();
    this.#subscriber.disconnect();
    // Waits for what was published, but not for a Redis that does not answer.
    const { clock } = this.options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.setTimer(this.#isUp ? PROBE_MS : 0, late.resolve);
    const done = () => late.resolve();
    this.#publisher.quit().then(done, done);
    await late.promise;
    cancel();
    this.#publisher.disconnect();
  }

  get #all(): string {
    return `${this.options.prefix}:all`;
  }

  #channelOf(replica: string): string {
    return `${this.options.prefix}:to:${replica}`;
  }

  async #start(): Promise<void> {
    await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
    await this.#subscriber.subscribe(this.#all, this.#channelOf(this.self));
    const up = Promise.withResolvers<void>();
    const forget = this.onChange(() => up.resolve());
    const { clock } = this.options;
    const late = () => up.reject(new Error('messages do not get through'));
    const cancel = clock.setTimer(CONNECTION.connectTimeout, late);
    this.#probe();
    await up.promise.finally(() => {
      forget();
      cancel();
    });
  }

  #probe(): void {
    if (this.#probeIsOut) this.#set(false);
    this.#probeIsOut = true;
    this.#send(this.#channelOf(this.self), this.self + PROBE);
    const { clock, probeMs = PROBE_MS } = this.options;
    this.#cancelProbe = clock.setTimer(probeMs, () => this.#probe());
  }

  #send(channel: string, message: string): void {
    if (this.#unsent > MAX_UNSENT) {
      this.#set(false);
      return;
    }
    this.#unsent += message.length;
    const sent = () => (this.#unsent -= message.length);
    this.#publisher.publish(channel, message).then(sent, sent);
  }

  #heard(message: string): void {
    const from = message.slice(0, ID_LENGTH);
    const text = message.slice(ID_LENGTH);
    if (from === this.self) {
      if (text !== PROBE) return;
      this.#probeIsOut = false;
      this.#set(true);
      return;
    }
    for (const listener of this.#listeners) listener(text, from);
  }

  #set(isUp: boolean): void {
    if (this.#isUp === isUp || this.#closed) return;
    this.#isUp = isUp;
    const { logger, address } = this.options;
    if (!isUp) logger.warn('other replicas are not heard', { redis: address.shown });
    for (const listener of this.#changes) listener(isUp);
  }
}
