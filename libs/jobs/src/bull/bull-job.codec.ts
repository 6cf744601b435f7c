import { knownCode } from '#lib/contracts';

import type { JobProgress, JobState, JobView } from '../job-queue.js';

/** A job as BullMQ keeps it: the fields of its hash. */
export type JobHash = Readonly<Record<string, string>>;

/** Our field of the hash: somebody asked to cancel the job while it was running. */
export const CANCELLED_FIELD = 'fleetseed:cancelled';

/** BullMQ takes no id that is a number or has a colon; ours may be any text. */
export function bullIdOf(id: string): string {
  return `=${id.replaceAll('%', '%25').replaceAll(':', '%3A')}`;
}

export function idOfBull(bullId: string): string {
  return bullId.slice(1).replaceAll('%3A', ':').replaceAll('%25', '%');
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly cancelled: boolean;
}

/** BullMQ keeps one text of a failure. */
export function failureText(failure: Failure): string {
  return JSON.stringify(failure);
}

/** BullMQ fails jobs by itself too, with a sentence of its own: a job that stalled too often. */
export function failureOf(text: string): Failure {
  try {
    const { code, message, cancelled } = JSON.parse(text) as Record<string, unknown>;
    return {
      code: knownCode(String(code)),
      message: String(message),
      cancelled: cancelled === true,
    };
  } catch {
    return { code: 'INTERNAL', message: text, cancelled: false };
  }
}

/** `unfinished` is the state of the job if its hash does not say that it is finished. */
export function viewOfHash(
  bullId: string,
  hash: JobHash,
  unfinished: 'waiting' | 'delayed' | 'active',
): JobView {
  const finishedAt = hash['finishedOn'] === undefined ? null : Number(hash['finishedOn']);
  const done = finishedAt !== null && hash['returnvalue'] !== undefined;
  const failure = hash['failedReason'] === undefined ? null : failureOf(hash['failedReason']);
  const ended: JobState = done ? 'done' : failure?.cancelled ? 'cancelled' : 'failed';
  const state = finishedAt === null ? unfinished : ended;
  const made = Number(hash['atm'] ?? 0);
  return {
    id: idOfBull(bullId),
    name: hash['name'] ?? '',
    data: (JSON.parse(hash['data'] ?? '{}') as { data?: unknown }).data,
    state,
    priority: Number(hash['priority'] ?? 0),
    attempt: state === 'active' ? made + 1 : made,
    attempts: attemptsOf(hash['opts']),
    progress: progressOf(hash['progress']),
    result: done ? (JSON.parse(hash['returnvalue'] ?? 'null') as unknown) : null,
    error: failure && !done ? { code: failure.code, message: failure.message } : null,
    queuedAt: Number(hash['timestamp'] ?? 0),
    finishedAt,
  };
}

function attemptsOf(opts: string | undefined): number {
  const { attempts } = JSON.parse(opts ?? '{}') as { attempts?: number };
  return attempts ?? 1;
}

/** BullMQ begins with the number 0. */
function progressOf(text: string | undefined): JobProgress | null {
  const progress: unknown = JSON.parse(text ?? '0');
  return typeof progress === 'object' ? (progress as JobProgress) : null;
}
