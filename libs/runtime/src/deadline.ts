/** A signal that aborts after `ms` milliseconds or with `signal`, whichever comes first. */
export function deadline(ms: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as that aborts. The work then
 * goes on unheard, and a failure of it is nobody's: it must not end the process.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  const first = Promise.race([work, aborted]);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await first;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
