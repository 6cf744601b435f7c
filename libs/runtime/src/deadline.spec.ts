import { describe, expect, it } from 'vitest';

import { untilAborted } from './deadline.js';

describe('untilAborted', () => {
  it('gives what the work gives', async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(untilAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow(
      'failed',
    );
  });

  it('does not wait for work once the signal aborts', async () => {
    const stop = new AbortController();
    const waiting = untilAborted(new Promise(() => {}), stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  it('takes care of work that fails after an abort, also of one that came before', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const work = Promise.withResolvers<void>();
    await expect(untilAborted(work.promise, AbortSignal.abort())).rejects.toThrow('aborted');
    work.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});
