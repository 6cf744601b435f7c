import { setTimeout as sleep } from 'node:timers/promises';

import { FleetseedError, Job, knownCode } from '#lib/contracts';

import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';

const LOOK_EVERY_MS = 500;
const PATIENCE_MS = 30_000;

/**
 * Asks again and again until `isOver`, through gaps of the queue and of the connection.
 * @throws what asking ends with for half a minute, and at once what no waiting helps
 */
export async function follow<T>(
  call: Invocation<object>,
  begun: T,
  ask: () => Promise<T>,
  isOver: (now: T) => boolean,
): Promise<T> {
  let now = begun;
  let goneSince: number | undefined;
  while (!isOver(now)) {
    await sleep(LOOK_EVERY_MS, undefined, { signal: call.signal });
    try {
      now = await ask();
      goneSince = undefined;
    } catch (error) {
      // A queue that was lost or is away comes back, and the job with it.
      if (!isGap(error)) throw error;
      goneSince ??= performance.now();
      if (performance.now() - goneSince > PATIENCE_MS) throw error;
    }
  }
  return now;
}

/** Follows a job to its end, and says what it is doing. @throws the error that it ended with */
export async function followJob(call: Invocation<object>, begun: Job, label: string): Promise<Job> {
  let said = '';
  const isOver = (job: Job) => {
    if (job.state !== 'waiting' && job.state !== 'active') return true;
    const about = job.state === 'waiting' ? 'waiting' : (job.step ?? 'begun');
    if (about !== said) call.output.note(`${label}: ${about}`);
    said = about;
    return false;
  };
  const ask = () => call.origin().get(route`/jobs/${begun.job}`, Job);
  const job = await follow(call, begun, ask, isOver);
  if (job.state === 'done') return job;
  const { code, detail } = job.error ?? { code: 'ABORTED', detail: 'The job was cancelled.' };
  throw new FleetseedError(knownCode(code), detail, { job: job.job });
}

function isGap(error: unknown): boolean {
  if (!(error instanceof FleetseedError)) return false;
  return ['JOB_NOT_FOUND', 'QUEUE_UNREACHABLE', 'ORIGIN_UNREACHABLE'].includes(error.code);
}
