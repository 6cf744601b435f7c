import { toFleetseedError, type FleetseedError } from '#lib/contracts';

/** The job is to be run again elsewhere or later; only its own time-out counts as a failure. */
export function isInterrupted({ aborted, reason }: AbortSignal): boolean {
  return aborted && toFleetseedError(reason).code !== 'TIMED_OUT';
}

/** Whether another try would end the same. */
export function isFinal(error: FleetseedError): boolean {
  return error.status < 500 || error.code === 'DEPOT_INTEGRITY';
}
