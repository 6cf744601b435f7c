import { setTimeout as sleep } from 'node:timers/promises';

import type { Random } from './random.js';

export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  readonly startMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly limitMs: number;
  readonly random: Random;
}

/**
 * The delay before attempt `attempt` (1 is the first retry): doubling, capped, and spread over the
 * upper half, so that a crowd that failed together does not come back together.
 */
export function backoffDelay(
  attempt: number,
  { startMs, limitMs, random }: BackoffOptions,
): number {
  const full = Math.min(limitMs, startMs * 2 ** Math.min(30, attempt - 1));
  return full / 2 + (random() * full) / 2;
}

/** Marks an error that no retry can mend. */
export class Unrecoverable extends Error {
  constructor(readonly reason: unknown) {
    super('unrecoverable', { cause: reason });
  }
}

export interface RetryOptions extends BackoffOptions {
  /** How often the action is tried in all. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
}

/** Runs `action` until it succeeds, attempts run out, the signal aborts, or it throws Unrecoverable. */
export async function retry<T>(
  action: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await action(attempt);
    } catch (error) {
      if (error instanceof Unrecoverable) throw error.reason;
      if (attempt >= options.attempts || options.signal?.aborted) throw error;
      const delayMs = backoffDelay(attempt, options);
      options.onRetry?.(error, attempt, delayMs);
      await sleep(delayMs, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}
