import type { Queue, QueueEvents, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

import { FleetseedError, toFleetseedError } from '#lib/contracts';
import {
  deadline,
  repeat,
  silentLogger,
  systemClock,
  untilAborted,
  type Clock,
  type Logger,
} from '#lib/runtime';

import { countJobs } from '../count-jobs.js';
import { FinishWaiters } from '../finish-waiters.js';
import { HandlerTable } from '../handler-table.js';
import type {
  EnqueueOptions,
  HandlerOptions,
  JobCounts,
  JobEvent,
  JobHandler,
  JobQueue,
  JobRun,
  JobState,
  JobTable,
  JobView,
  JobViewOf,
} from '../job-queue.js';
import { fullOptions, isFinishedState, jobOf, noSuchJob, viewOf } from '../job.js';
import { BullEvents } from './bull-events.js';
import { bullIdOf } from './bull-job.codec.js';
import { BULL_QUEUE, BullKeys } from './bull-keys.js';
import { BullRuns } from './bull-runs.js';
import { cancelJob, countUnfinished, forgetFinished } from './bull-scripts.js';
import { BullStore } from './bull-store.js';
import { makeWorker, type WorkerTuning } from './bull-worker.js';
import { EpochWatch } from './epoch-watch.js';
import { redisAddressOf } from './redis-address.js';
import type { RedisConnections } from './redis-connections.js';

type Bull = typeof import('bullmq');
type AnyName<Table> = keyof Table & string;

export interface BullJobQueueOptions<Table extends JobTable> extends WorkerTuning {
  /** What {@link redisAddressOf} reads. */
  readonly url: string;
  /** What all keys begin with. Queues of one prefix are one queue. */
  readonly prefix: string;
  readonly names: readonly AnyName<Table>[];
  /** How many done, and how many failed jobs are remembered; 1,000 each by default. */
  readonly keepFinished?: number;
  /** Told of every attempt that ended in this process. */
  readonly onRun?: (run: JobRun<AnyName<Table>>) => void;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Of a call that may take several commands. */
const CALL_MS = 10_000;
const START_MS = 5000;
const CLOSE_MS = 1000;

/**
 * The queue of any number of processes, in Redis. Calls fail with QUEUE_UNREACHABLE while Redis is
 * away; jobs that run go on, and their outcome is written when it is back.
 */
export class BullJobQueue<Table extends JobTable> implements JobQueue<Table> {
  readonly #handlers: HandlerTable<AnyName<Table>>;
  readonly #keys: BullKeys;
  readonly #store: BullStore;
  readonly #waiters = new FinishWaiters<JobView>();
  readonly #runs: BullRuns;
  readonly #queue: Queue;
  readonly #source: QueueEvents;
  readonly #events: BullEvents;
  readonly #epoch: EpochWatch;
  readonly #lossListeners = new Set<() => void>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopPolling: () => void;
  #worker: Worker | undefined;
  #closed: FleetseedError | undefined;

  private constructor(
    private readonly options: BullJobQueueOptions<Table>,
    private readonly bull: Bull,
    private readonly commands: Redis,
    private readonly connections: RedisConnections,
    lastEventId: string,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#handlers = new HandlerTable(options.names, options.onRun);
    this.#keys = new BullKeys(options.prefix);
    this.#store = new BullStore(commands, this.#keys);
    const { prefix } = this.#keys;
    this.#queue = new bull.Queue(BULL_QUEUE, { connection: commands, prefix });
    this.#queue.on('error', (error) => this.#logger.debug('job queue interrupted', { error }));
    this.#source = new bull.QueueEvents(BULL_QUEUE, {
      connection: connections.forLoops(),
      prefix,
      lastEventId,
    });
    this.#runs = new BullRuns({
      bull,
      handlers: this.#handlers,
      clock: this.#clock,
      logger: this.#logger,
      readField: (bullId, field) => commands.hget(this.#keys.of(bullId), field),
    });
    this.#events = new BullEvents(this.#source, {
      read: (id) => this.#store.get(id),
      logger: this.#logger,
      onCancel: (bullId) => this.#runs.cancel(bullId),
      onFinished: (view) => this.#waiters.finish(view),
      isAwaited: (id) => this.#waiters.ids().includes(id),
    });
    const everyMs = options.watchMs ?? 5000;
    this.#epoch = new EpochWatch({
      redis: commands,
      key: this.#keys.epoch,
      clock: this.#clock,
      everyMs,
      onEmptied: () => this.#emptied(),
      onBack: () => this.#tellLoss(),
    });
    this.#stopPolling = repeat(() => this.#pollAwaited(), {
      clock: this.#clock,
      pauseMs: everyMs,
      onError: (error) => this.#logger.debug('awaited jobs not read', { error }),
    });
  }

  /** @throws CONFIG_INVALID for a URL that is none, QUEUE_UNREACHABLE */
  static async open<Table extends JobTable>(
    options: BullJobQueueOptions<Table>,
  ): Promise<BullJobQueue<Table>> {
    const logger = options.logger ?? silentLogger;
    const address = redisAddressOf(options.url);
    // Loaded here: whoever keeps to the queue inside the process does without.
    const bull = await import('bullmq');
    const { RedisConnections } = await import('./redis-connections.js');
    const connections = new RedisConnections(address, logger);
    const commands = connections.forCommands();
    try {
      const keys = new BullKeys(options.prefix);
      const last = await commands.xrevrange(keys.of('events'), '+', '-', 'COUNT', 1);
      const lastEventId = last[0]?.[0] ?? '0-0';
      const queue = new BullJobQueue(options, bull, commands, connections, lastEventId);
      await queue.#epoch.start();
      return queue;
    } catch (thrown) {
      connections.close();
      throw unreachable(thrown);
    }
  }

  register<Name extends AnyName<Table>>(
    name: Name,
    handler: JobHandler<Table[Name]['data'], Table[Name]['result']>,
    options: HandlerOptions = {},
  ): void {
    this.#handlers.register(name, handler, options);
  }

  async start(): Promise<void> {
    this.#checkOpen();
    this.#handlers.assertComplete();
    const worker = makeWorker(this.bull, {
      connection: this.connections.forLoops(),
      prefix: this.#keys.prefix,
      runs: this.#runs,
      tuning: this.options,
      logger: this.#logger,
    });
    this.#worker = worker;
    try {
      await untilAborted(worker.waitUntilReady(), deadline(START_MS));
    } catch (thrown) {
      throw unreachable(thrown);
    }
    worker.run().catch((error: unknown) => this.#logger.error('job worker ended', { error }));
  }

  async enqueue<Name extends AnyName<Table>>(
    name: Name,
    data: Table[Name]['data'],
    options: EnqueueOptions = {},
  ): Promise<JobViewOf<Table, Name>> {
    this.#checkOpen();
    this.#handlers.assertKnown(name);
    const full = fullOptions(options);
    const job = jobOf(name, data, full, { order: 0, now: this.#clock.now() });
    return this.#reaching(async () => {
      const same = options.id === undefined ? null : await this.#store.get(full.id);
      if (same && !isFinishedState(same.state)) return this.#typed<Name>(same);
      if (same) await forgetFinished(this.commands, this.#keys, full.id);
      const keep = { count: this.options.keepFinished ?? 1000 };
      await this.#queue.add(
        name,
        { data: JSON.parse(job.data) as unknown },
        {
          jobId: bullIdOf(full.id),
          priority: full.priority,
          attempts: full.attempts,
          timestamp: job.queuedAt,
          backoff: { type: 'custom' },
          removeOnComplete: keep,
          removeOnFail: keep,
          stackTraceLimit: 1,
        },
      );
      await this.#store.remember(full.id);
      return this.#typed<Name>(viewOf(job));
    });
  }

  async get(id: string): Promise<JobViewOf<Table, AnyName<Table>> | null> {
    this.#checkOpen();
    const view = await this.#reaching(() => this.#store.get(id));
    return view && this.#typed(view);
  }

  async list(
    filter: { name?: AnyName<Table>; state?: JobState; limit?: number } = {},
  ): Promise<JobViewOf<Table, AnyName<Table>>[]> {
    this.#checkOpen();
    const views = await this.#reaching(() => this.#store.list(filter));
    return views.map((view) => this.#typed(view));
  }

  async counts(): Promise<JobCounts<AnyName<Table>>> {
    this.#checkOpen();
    const found = await this.#reaching(() => countUnfinished(this.commands, this.#keys));
    return countJobs(this.#handlers.names, found);
  }

  async cancel(id: string): Promise<boolean> {
    this.#checkOpen();
    const message = 'The job was cancelled.';
    const now = this.#clock.now();
    return this.#reaching(() => cancelJob(this.commands, this.#keys, { id, now, message }));
  }

  async finished(id: string, signal?: AbortSignal): Promise<JobViewOf<Table, AnyName<Table>>> {
    this.#checkOpen();
    signal?.throwIfAborted();
    // Waiting begins before the look, so that no end falls between the two.
    const waiting = this.#waiters.wait(id, signal);
    waiting.catch(() => undefined);
    await this.#reaching(() => this.#look(id));
    return this.#typed(await waiting);
  }

  subscribe(listener: (event: JobEvent<JobViewOf<Table, AnyName<Table>>>) => void): () => void {
    const untyped = ({ type, job }: JobEvent) => listener({ type, job: this.#typed(job) });
    this.#events.listeners.add(untyped);
    return () => this.#events.listeners.delete(untyped);
  }

  onLoss(listener: () => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  async close(options: { deadlineMs?: number; graceMs?: number } = {}): Promise<void> {
    if (this.#closed) return;
    const reason = new FleetseedError('SHUTTING_DOWN', 'The job queue is closed.');
    this.#closed = reason;
    this.#epoch.stop();
    this.#stopPolling();
    const { deadlineMs = 5000, graceMs = 1000 } = options;
    const worker = this.#worker;
    if (worker) await worker.pause(true);
    const drained = await this.#runs.close(reason, deadlineMs, graceMs);
    this.#waiters.failAll(reason);
    // The outcome of what has ended is written before the connection goes, unless Redis is away.
    const ending = [this.#source.close(), this.#queue.close()];
    if (worker) ending.push(worker.close(!drained));
    await untilAborted(Promise.allSettled(ending), deadline(CLOSE_MS)).catch(() => undefined);
    this.connections.close();
  }

  /** Tells waiters of a job that has ended, or that is not there. */
  async #look(id: string): Promise<void> {
    const view = await this.#store.get(id);
    if (!view) this.#waiters.fail(id, noSuchJob(id));
    else if (isFinishedState(view.state)) this.#waiters.finish(view);
  }

  /** Events may be missed while Redis is away, and jobs vanish with it. */
  async #pollAwaited(): Promise<void> {
    for (const id of this.#waiters.ids()) await this.#look(id);
  }

  #emptied(): void {
    this.#logger.warn('redis was emptied: unfinished work is enqueued again');
    this.#runs.abandon();
    this.#tellLoss();
  }

  #tellLoss(): void {
    for (const listener of this.#lossListeners) listener();
  }

  async #reaching<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await untilAborted(call(), deadline(CALL_MS));
    } catch (thrown) {
      const error = unreachable(thrown);
      if (error.code === 'QUEUE_UNREACHABLE') this.#epoch.doubt();
      throw error;
    }
  }

  /** The name of a job decides the types of its data and result: `enqueue` saw to it. */
  #typed<Name extends AnyName<Table>>(view: JobView): JobViewOf<Table, Name> {
    return view as JobViewOf<Table, Name>;
  }

  #checkOpen(): void {
    if (this.#closed) throw this.#closed;
  }
}

/** Whatever goes wrong between us and Redis; errors of our own pass. */
function unreachable(thrown: unknown): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const { message } = toFleetseedError(thrown);
  return new FleetseedError(
    'QUEUE_UNREACHABLE',
    `The job queue cannot be reached: ${message}`,
    {},
    { cause: thrown },
  );
}
