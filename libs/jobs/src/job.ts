import { randomUUID } from 'node:crypto';

import { FleetseedError, toFleetseedError } from '#lib/contracts';
import { Unrecoverable } from '#lib/runtime';

import type { EnqueueOptions, JobProgress, JobState, JobView } from './job-queue.js';

const MAX_DATA_BYTES = 256 * 1024;
const MAX_PRIORITY = 1_000_000;
const MAX_ATTEMPTS = 100;
const MAX_ID_LENGTH = 200;

/** A job inside the in-process queue. Data and result are kept as JSON text, so nobody shares them. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly priority: number;
  /** Grows with each enqueueing. */
  readonly order: number;
  readonly attempts: number;
  readonly queuedAt: number;
  state: JobState;
  attempt: number;
  progress: JobProgress | null;
  result: string;
  error: { readonly code: string; readonly message: string } | null;
  finishedAt: number | null;
  cancelRequested: boolean;
  /** While active. */
  controller: AbortController | undefined;
  /** While delayed: takes back the timer of the retry. */
  stopTimer: (() => void) | undefined;
}

/** @throws REQUEST_INVALID */
export function jobOf(
  name: string,
  data: unknown,
  options: Required<EnqueueOptions>,
  at: { readonly order: number; readonly now: number },
): Job {
  requireInteger('priority', options.priority, 0, MAX_PRIORITY);
  requireInteger('attempts', options.attempts, 1, MAX_ATTEMPTS);
  requireInteger('id length', options.id.length, 1, MAX_ID_LENGTH);
  return {
    id: options.id,
    name,
    data: jsonText(data),
    priority: options.priority,
    order: at.order,
    attempts: options.attempts,
    queuedAt: at.now,
    state: 'waiting',
    attempt: 0,
    progress: null,
    result: 'null',
    error: null,
    finishedAt: null,
    cancelRequested: false,
    controller: undefined,
    stopTimer: undefined,
  };
}

export function viewOf(job: Job): JobView {
  return {
    id: job.id,
    name: job.name,
    data: JSON.parse(job.data),
    state: job.state,
    priority: job.priority,
    attempt: job.attempt,
    attempts: job.attempts,
    progress: job.progress,
    result: JSON.parse(job.result),
    error: job.error,
    queuedAt: job.queuedAt,
    finishedAt: job.finishedAt,
  };
}

export function isFinishedState(state: JobState): state is 'done' | 'failed' | 'cancelled' {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

export function isFinished(job: Job): boolean {
  return job.finishedAt !== null;
}

/** What was not said of a job that is enqueued. */
export function fullOptions(options: EnqueueOptions): Required<EnqueueOptions> {
  return { id: randomUUID(), priority: 0, attempts: 3, ...options };
}

export interface Outcome {
  readonly reason: unknown;
  /** Whether another try would end the same. */
  readonly final: boolean;
}

/** How a run failed: the reason of an abort counts more than the error that the abort provoked. */
export function outcomeOf(signal: AbortSignal, thrown: unknown): Outcome {
  const error: unknown = signal.aborted ? signal.reason : thrown;
  if (error instanceof Unrecoverable) return { reason: error.reason, final: true };
  return { reason: error, final: false };
}

export function cancelled(): FleetseedError {
  return new FleetseedError('ABORTED', 'The job was cancelled.');
}

export function timedOut(timeoutMs: number): FleetseedError {
  return new FleetseedError('TIMED_OUT', 'The job took too long.', { timeoutMs });
}

export function noSuchJob(id: string): FleetseedError {
  return new FleetseedError('JOB_NOT_FOUND', 'There is no such job.', { id });
}

export function errorFacts(thrown: unknown): { code: string; message: string } {
  const { code, message } = toFleetseedError(thrown);
  return { code, message };
}

/** `undefined` becomes null, as the result of a handler that returns nothing. */
export function resultText(result: unknown): string {
  return result === undefined ? 'null' : jsonText(result);
}

function jsonText(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new FleetseedError('REQUEST_INVALID', 'A job takes JSON only.', {}, { cause });
  }
  if (text === undefined) throw new FleetseedError('REQUEST_INVALID', 'A job takes JSON only.');
  if (text.length <= MAX_DATA_BYTES) return text;
  throw new FleetseedError('REQUEST_INVALID', 'A job takes at most 256 KiB of JSON.', {
    length: text.length,
  });
}

function requireInteger(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new FleetseedError('REQUEST_INVALID', `The ${what} of a job is from ${least} to ${most}.`, {
    value,
  });
}
