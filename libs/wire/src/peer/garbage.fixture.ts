import { FleetseedError, type ErrorCode } from '#lib/contracts';

/** What `action` throws; undefined when it throws nothing. */
export function thrownBy(action: () => void): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** True for no error, and for the one kind of error that bad input may cause. */
export function isOursOrNone(error: unknown, code?: ErrorCode): boolean {
  if (error === undefined) return true;
  return error instanceof FleetseedError && (code === undefined || error.code === code);
}
