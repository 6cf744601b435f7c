import { Worker } from 'node:worker_threads';

import { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { HASH_WORKER_ROLE, type HashJob, type HashJobOutcome } from './hash-job.types.js';

/** Messages on their way to one thread: the second one bridges the time the answer travels. */
const AHEAD = 2;
/** Small jobs that share a message, and how much work that may be, bytes. */
const BATCH_JOBS = 32;
const BATCH_BYTES = 4 * 1024 * 1024;

export interface QueuedJob {
  readonly job: HashJob;
  /** How much work it is, bytes. */
  readonly cost: number;
  readonly settle: (outcome: HashJobOutcome) => void;
  /** The thread died under it. */
  readonly fail: (error: FleetseedError) => void;
}

interface Thread {
  readonly worker: Worker;
  /** In the order sent: a worker answers in that order. */
  readonly batches: QueuedJob[][];
  /** Jobs that no other thread can do. */
  readonly own: QueuedJob[];
  pins: number;
}

/** Holds on to one thread, which keeps something from one job to the next. */
export interface Pin {
  /** Jobs are done in the order in which they are submitted; they fail once the thread has ended. */
  submit(job: QueuedJob): void;
  /** No job comes any more. */
  release(): void;
}

/**
 * Worker threads that take jobs from one queue. Threads begin when there is work for them, do not
 * keep the process alive while they have none, and end after `idleMs` without any; one that crashes
 * fails the jobs it had, and the next job starts another.
 */
export class HashThreads {
  readonly #urgent: QueuedJob[] = [];
  readonly #other: QueuedJob[] = [];
  readonly #threads = new Set<Thread>();
  #cancelIdle: (() => void) | null = null;
  #closed = false;

  constructor(
    private readonly entry: URL,
    private readonly most: number,
    private readonly idleMs: number,
    private readonly clock: Clock,
  ) {}

  get threadCount(): number {
    return this.#threads.size;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Urgent jobs (payload on its way) go before the others (whole files). */
  submit(job: QueuedJob, urgent: boolean): void {
    if (this.#closed) {
      job.fail(new FleetseedError('SHUTTING_DOWN', 'The hash threads are closed.'));
      return;
    }
    (urgent ? this.#urgent : this.#other).push(job);
    this.#dispatch();
  }

  /** Starts threads before there is work for them. */
  startAll(): void {
    while (!this.#closed && this.#threads.size < this.most) this.#start().worker.unref();
  }

  pin(): Pin {
    const thread = this.#leastPinned();
    thread.pins++;
    let held = true;
    return {
      submit: (job) => {
        if (!this.#threads.has(thread)) return job.fail(this.#endedError());
        thread.own.push(job);
        this.#dispatch();
      },
      release: () => {
        if (held) thread.pins--;
        held = false;
      },
    };
  }

  /** Takes a job back that no thread has begun; does nothing otherwise. */
  withdraw(job: QueuedJob): void {
    const at = this.#other.indexOf(job);
    if (at >= 0) this.#other.splice(at, 1);
  }

  /** Ends the threads; jobs that are not done fail with SHUTTING_DOWN. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelIdle?.();
    const error = new FleetseedError('SHUTTING_DOWN', 'The hash threads are closed.');
    const own = [...this.#threads].flatMap((thread) => thread.own.splice(0));
    for (const job of [...own, ...this.#urgent.splice(0), ...this.#other.splice(0)]) {
      job.fail(error);
    }
    // The thread may be reading shared memory: its jobs fail when it is gone, in `#ended`.
    await Promise.all([...this.#threads].map((thread) => thread.worker.terminate()));
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      while (thread.own.length > 0 && thread.batches.length < AHEAD) {
        this.#send(thread, [thread.own.shift()!]);
      }
    }
    while (this.#urgent.length + this.#other.length > 0) {
      const thread = this.#leastBusy();
      if (!thread) return;
      this.#send(thread, this.#nextBatch());
    }
  }

  #send(thread: Thread, batch: QueuedJob[]): void {
    if (thread.batches.length === 0) thread.worker.ref();
    thread.batches.push(batch);
    thread.worker.postMessage(batch.map(({ job }) => job));
  }

  #leastPinned(): Thread {
    let best: Thread | null = null;
    for (const thread of this.#threads) {
      if (!best || thread.pins < best.pins) best = thread;
    }
    const another = !best || (best.pins > 0 && this.#threads.size < this.most);
    return another ? this.#start() : best!;
  }

  #leastBusy(): Thread | null {
    let best: Thread | null = null;
    for (const thread of this.#threads) {
      if (!best || thread.batches.length < best.batches.length) best = thread;
    }
    if (best && best.batches.length < AHEAD) return best;
    return this.#threads.size < this.most ? this.#start() : null;
  }

  /** A message a job is too dear for jobs that take less time than the message. */
  #nextBatch(): QueuedJob[] {
    const queue = this.#urgent.length > 0 ? this.#urgent : this.#other;
    let cost = 0;
    let count = 0;
    while (count < Math.min(BATCH_JOBS, queue.length)) {
      cost += queue[count]!.cost;
      if (count > 0 && cost > BATCH_BYTES) break;
      count++;
      if (queue === this.#urgent) break;
    }
    return queue.splice(0, count);
  }

  #start(): Thread {
    const worker = new Worker(this.entry, { workerData: HASH_WORKER_ROLE, execArgv: [], env: {} });
    const thread: Thread = { worker, batches: [], own: [], pins: 0 };
    this.#threads.add(thread);
    let cause: unknown;
    worker.on('message', (outcomes: readonly HashJobOutcome[]) => this.#answered(thread, outcomes));
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => this.#ended(thread, cause));
    return thread;
  }

  #answered(thread: Thread, outcomes: readonly HashJobOutcome[]): void {
    const batch = thread.batches.shift()!;
    if (thread.batches.length === 0) thread.worker.unref();
    this.#dispatch();
    for (const [index, queued] of batch.entries()) queued.settle(outcomes[index]!);
    this.#restartIdleTimer();
  }

  #ended(thread: Thread, cause: unknown): void {
    this.#threads.delete(thread);
    const error = this.#endedError(cause);
    const jobs = [...thread.batches.splice(0).flat(), ...thread.own.splice(0)];
    for (const queued of jobs) queued.fail(error);
    if (!this.#closed) this.#dispatch();
  }

  #endedError(cause?: unknown): FleetseedError {
    if (this.#closed) return new FleetseedError('SHUTTING_DOWN', 'The hash threads are closed.');
    return new FleetseedError('INTERNAL', 'A hash thread ended unexpectedly.', {}, { cause });
  }

  #restartIdleTimer(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.clock.setTimer(this.idleMs, () => {
      for (const thread of this.#threads) {
        if (thread.batches.length > 0 || thread.pins > 0) continue;
        this.#threads.delete(thread);
        void thread.worker.terminate();
      }
    });
  }
}
