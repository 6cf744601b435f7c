import { FleetseedError, type ErrorCode } from '#lib/contracts';
import type { BackoffOptions } from '#lib/runtime';
import { systemRandom } from '#lib/runtime';

/** Failures that may be over on the next try, perhaps at another replica. */
const PASSING = new Set<ErrorCode>([
  'ORIGIN_UNREACHABLE',
  'TIMED_OUT',
  'TOO_MANY_REQUESTS',
  'SHUTTING_DOWN',
  'OVER_BUDGET',
  'DISK_IO',
  'DEPOT_UNAVAILABLE',
  // The bytes were damaged on their way, or a proxy cut them off: they are sent again.
  'PART_HASH_MISMATCH',
]);

/** Whether sending the same again may help. */
export function mayPass(error: unknown): boolean {
  return error instanceof FleetseedError && PASSING.has(error.code);
}

/** About a minute and a half in all: an origin that is restarted meanwhile costs no push. */
export const PATIENCE: BackoffOptions & { readonly attempts: number } = {
  attempts: 14,
  startMs: 250,
  limitMs: 15_000,
  random: systemRandom,
};
