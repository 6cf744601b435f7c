import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { Unrecoverable } from '#lib/runtime';

import { crowdConformance } from './job-crowd.conformance.fixture.js';
import { figuresConformance } from './job-figures.conformance.fixture.js';
import type { JobQueue, RunningJob } from './job-queue.js';
import type { QueueUnderTest, TestJobs } from './queue-under-test.fixture.js';

const add = async ({ data }: RunningJob<{ a: number; b: number }>) => data.a + data.b;

/** Rejects with the signal's reason, as a handler that heeds its signal does. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** What every job queue must do. `make` gives one with a back-off and time-outs of at most 100 ms. */
export function jobQueueConformance(name: string, make: () => Promise<QueueUnderTest>): void {
  crowdConformance(name, make);
  figuresConformance(name, make);
  describe(`${name}: the job queue contract`, () => {
    let under: QueueUnderTest;
    let queue: JobQueue<TestJobs>;
    /** What `act` does, by the `what` of its data. */
    let acts: Record<string, (job: RunningJob<{ what: string }>) => Promise<string | null>>;

    beforeEach(async () => {
      under = await make();
      queue = under.queue;
      acts = {};
      queue.register('act', (job) => acts[job.data.what]!(job), { timeoutMs: 100 });
    });
    afterEach(() => under.dispose());

    async function start() {
      queue.register('add', add);
      await queue.start();
    }

    describe('starting', () => {
      it('fails when a job of the table has no handler, naming it', async () => {
        await expect(queue.start()).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          facts: { name: 'add' },
        });
      });

      it('refuses a second handler, and one for a name that is not in the table', () => {
        const again = () => queue.register('act', async () => null);
        expect(again).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
        const unknown = () => queue.register('other' as 'add', add);
        expect(unknown).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
      });

      it('runs what was enqueued before', async () => {
        const { id } = await queue.enqueue('add', { a: 1, b: 2 });
        await start();
        expect(await queue.finished(id)).toMatchObject({ state: 'done', result: 3, attempt: 1 });
      });
    });

    describe('running', () => {
      it('reports a job from its enqueueing to its end', async () => {
        const events: unknown[] = [];
        const stop = queue.subscribe(({ type, job }) => {
          events.push([type, job.state, job.progress]);
        });
        acts['steps'] = async (job) => {
          job.progress({ done: 1, total: 2, step: 'half' });
          return 'ready';
        };
        await start();
        const { id } = await queue.enqueue('act', { what: 'steps' });
        const done = await queue.finished(id);
        await under.passTime();
        stop();
        const half = { done: 1, total: 2, step: 'half' };
        expect(events).toEqual([
          ['queued', 'waiting', null],
          ['started', 'active', null],
          ['progress', 'active', half],
          ['done', 'done', half],
        ]);
        expect(done).toMatchObject({ name: 'act', result: 'ready', error: null });
        expect(await queue.get(id)).toEqual(done);
        expect(await queue.get('unknown')).toBeNull();
      });

      it('runs two at once, by priority and then in order of arrival', async () => {
        const order: string[] = [];
        const ends: (() => void)[] = [];
        let [active, most] = [0, 0];
        const act = async ({ data }: RunningJob<{ what: string }>) => {
          order.push(data.what);
          most = Math.max(most, ++active);
          if (active < 2) await new Promise<void>((resolve) => ends.push(resolve));
          ends.splice(0).forEach((end) => end());
          active--;
          return null;
        };
        const wanted = ['low-1', 'low-2', 'high-1', 'high-2', 'mid-1', 'mid-2'];
        for (const what of wanted) acts[what] = act;
        const priority: Record<string, number> = { low: 9, mid: 5, high: 0 };
        const jobs = [];
        for (const what of wanted) {
          const [kind] = what.split('-');
          jobs.push(await queue.enqueue('act', { what }, { priority: priority[kind!]! }));
        }
        await start();
        await Promise.all(jobs.map(({ id }) => queue.finished(id)));
        expect(order).toEqual(['high-1', 'high-2', 'mid-1', 'mid-2', 'low-1', 'low-2']);
        expect(most).toBe(2);
      });

      it('gives handlers copies, and keeps nothing but JSON', async () => {
        const data = { what: 'change', list: [1] };
        acts['change'] = async (job) => {
          (job.data as typeof data).list.push(2);
          return null;
        };
        await start();
        const { id } = await queue.enqueue('act', data);
        const done = await queue.finished(id);
        expect(data.list).toEqual([1]);
        expect(done.data).toEqual({ what: 'change', list: [1] });
        const unfit = [undefined, 1n, 'x'.repeat(300_000)];
        for (const what of unfit) {
          const enqueued = queue.enqueue('act', what as unknown as { what: string });
          await expect(enqueued).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
        }
      });

      it('refuses unknown names and options that cannot be', async () => {
        const invalid = { code: 'REQUEST_INVALID' };
        const data = { a: 1, b: 1 };
        await expect(queue.enqueue('no' as 'add', data)).rejects.toMatchObject(invalid);
        for (const options of [{ priority: -1 }, { attempts: 0 }, { id: '' }]) {
          await expect(queue.enqueue('add', data, options)).rejects.toMatchObject(invalid);
        }
      });
    });

    describe('failing', () => {
      it('retries with a delay until it works', async () => {
        acts['third'] = async ({ attempt }) => {
          if (attempt < 3) throw new FleetseedError('NO_PEERS', `attempt ${attempt}`);
          return `after ${attempt}`;
        };
        const retries: unknown[] = [];
        queue.subscribe(({ type, job }) => {
          if (type === 'retrying') retries.push([job.state, job.error]);
        });
        await start();
        const { id } = await queue.enqueue('act', { what: 'third' }, { attempts: 3 });
        const finished = queue.finished(id);
        for (let pass = 0; pass < 3; pass++) await under.passTime();
        expect(await finished).toMatchObject({ state: 'done', result: 'after 3', attempt: 3 });
        expect(retries).toEqual([
          ['delayed', { code: 'NO_PEERS', message: 'attempt 1' }],
          ['delayed', { code: 'NO_PEERS', message: 'attempt 2' }],
        ]);
      });

      it('gives up after the attempts it has, and at once when no retry can help', async () => {
        let ran = 0;
        acts['never'] = async () => {
          ran++;
          throw new Error('broken');
        };
        acts['hopeless'] = async () => {
          ran++;
          throw new Unrecoverable(new FleetseedError('ROOT_MISMATCH', 'wrong content'));
        };
        await start();
        const twice = await queue.enqueue('act', { what: 'never' }, { attempts: 2 });
        const once = await queue.enqueue('act', { what: 'hopeless' }, { attempts: 5 });
        const finished = Promise.all([queue.finished(twice.id), queue.finished(once.id)]);
        for (let pass = 0; pass < 2; pass++) await under.passTime();
        const [first, second] = await finished;
        expect(first).toMatchObject({ state: 'failed', error: { message: 'broken' } });
        expect(second).toMatchObject({ state: 'failed', error: { code: 'ROOT_MISMATCH' } });
        expect(ran).toBe(3);
      });

      it('aborts an attempt that takes too long', async () => {
        acts['hang'] = ({ signal }) => untilAborted(signal);
        await start();
        const { id } = await queue.enqueue('act', { what: 'hang' }, { attempts: 1 });
        const finished = queue.finished(id);
        await under.passTime();
        expect(await finished).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' } });
      });
    });

    describe('unheeded signals and odd results', () => {
      it('tries again after a time-out', async () => {
        acts['slow-once'] = ({ attempt, signal }) =>
          attempt === 1 ? untilAborted(signal) : Promise.resolve('in time');
        await start();
        const { id } = await queue.enqueue('act', { what: 'slow-once' });
        const finished = queue.finished(id);
        for (let pass = 0; pass < 3; pass++) await under.passTime();
        expect(await finished).toMatchObject({ state: 'done', result: 'in time', attempt: 2 });
      });

      it('fails a job whose result is no JSON, and has null for nothing', async () => {
        acts['odd'] = async () => 1n as unknown as string;
        acts['nothing'] = async () => undefined as unknown as null;
        await start();
        const odd = await queue.enqueue('act', { what: 'odd' }, { attempts: 1 });
        const nothing = await queue.enqueue('act', { what: 'nothing' });
        expect(await queue.finished(odd.id)).toMatchObject({
          state: 'failed',
          error: { code: 'REQUEST_INVALID' },
        });
        expect(await queue.finished(nothing.id)).toMatchObject({ state: 'done', result: null });
      });

      it('keeps an id of any text apart from others', async () => {
        await start();
        const ids = ['7', 'a:b', 'a%3Ab', 'ü/ß', '='];
        for (const [a, id] of ids.entries()) await queue.enqueue('add', { a, b: 0 }, { id });
        for (const [a, id] of ids.entries()) {
          expect(await queue.finished(id)).toMatchObject({ id, result: a });
        }
        expect((await queue.list()).map(({ id }) => id)).toEqual(ids.toReversed());
      });
    });

    describe('ids', () => {
      it('has one unfinished job of an id, and runs it anew once that is finished', async () => {
        const first = await queue.enqueue('add', { a: 1, b: 1 }, { id: 'same' });
        const second = await queue.enqueue('add', { a: 2, b: 2 }, { id: 'same' });
        expect(second).toEqual(first);
        await start();
        expect((await queue.finished('same')).result).toBe(2);
        await queue.enqueue('add', { a: 3, b: 3 }, { id: 'same' });
        expect((await queue.finished('same')).result).toBe(6);
        expect(await queue.list()).toHaveLength(1);
      });

      it('lists the newest first, by name and state', async () => {
        acts['fail'] = async () => Promise.reject(new Unrecoverable(new Error('no')));
        for (const id of ['1', '2', '3']) await queue.enqueue('add', { a: 0, b: 0 }, { id });
        await queue.enqueue('act', { what: 'fail' }, { id: '4' });
        await start();
        for (const id of ['1', '2', '3', '4']) await queue.finished(id);
        const ids = async (...filter: Parameters<typeof queue.list>) =>
          (await queue.list(...filter)).map((job) => job.id);
        expect(await ids()).toEqual(['4', '3', '2', '1']);
        expect(await ids({ name: 'add', limit: 2 })).toEqual(['3', '2']);
        expect(await ids({ state: 'failed' })).toEqual(['4']);
      });
    });

    describe('cancelling', () => {
      it('takes out a waiting job, and aborts a running one', async () => {
        const started = Promise.withResolvers<void>();
        acts['hang'] = ({ signal }) => {
          started.resolve();
          return untilAborted(signal);
        };
        await queue.enqueue('add', { a: 1, b: 1 }, { id: 'waiting' });
        expect(await queue.cancel('waiting')).toBe(true);
        expect(await queue.finished('waiting')).toMatchObject({ state: 'cancelled', attempt: 0 });
        await start();
        await queue.enqueue('act', { what: 'hang' }, { id: 'running' });
        await started.promise;
        expect(await queue.cancel('running')).toBe(true);
        expect(await queue.finished('running')).toMatchObject({ state: 'cancelled', attempt: 1 });
        expect(await queue.cancel('running')).toBe(false);
        expect(await queue.cancel('unknown')).toBe(false);
      });

      it('takes out a job that waits for its retry', async () => {
        acts['fail'] = async () => Promise.reject(new Error('again'));
        const retrying = Promise.withResolvers<void>();
        queue.subscribe(({ type }) => {
          if (type === 'retrying') retrying.resolve();
        });
        await start();
        const { id } = await queue.enqueue('act', { what: 'fail' });
        await retrying.promise;
        expect(await queue.cancel(id)).toBe(true);
        expect(await queue.finished(id)).toMatchObject({ state: 'cancelled', attempt: 1 });
        await under.passTime();
        expect(await queue.get(id)).toMatchObject({ state: 'cancelled', attempt: 1 });
      });

      it('is outdone by a handler that finishes all the same', async () => {
        const started = Promise.withResolvers<void>();
        acts['stubborn'] = async ({ signal }) => {
          started.resolve();
          await untilAborted(signal).catch(() => undefined);
          return 'finished';
        };
        await start();
        const { id } = await queue.enqueue('act', { what: 'stubborn' });
        await started.promise;
        await queue.cancel(id);
        expect(await queue.finished(id)).toMatchObject({ state: 'done', result: 'finished' });
      });

      it('runs a cancelled id anew when it is enqueued again', async () => {
        await queue.enqueue('add', { a: 1, b: 1 }, { id: 'again' });
        await queue.cancel('again');
        await queue.enqueue('add', { a: 2, b: 2 }, { id: 'again' });
        await start();
        expect(await queue.finished('again')).toMatchObject({ state: 'done', result: 4 });
      });

      it('lets a waiter go when its own signal aborts, or when there is no such job', async () => {
        const { id } = await queue.enqueue('add', { a: 1, b: 1 });
        const controller = new AbortController();
        const waiting = queue.finished(id, controller.signal);
        controller.abort(new Error('enough'));
        await expect(waiting).rejects.toThrow('enough');
        await expect(queue.finished('unknown')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
      });
    });

    describe('closing', () => {
      it('lets running jobs end, starts no others, and takes no more', async () => {
        const [started, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        acts['slow'] = async () => {
          started.resolve();
          await go.promise;
          return 'ended';
        };
        await start();
        const slow = await queue.enqueue('act', { what: 'slow' });
        await started.promise;
        const closed = queue.close();
        const late = queue.enqueue('add', { a: 1, b: 1 });
        await expect(late).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
        go.resolve();
        await closed;
        expect(await under.afterClose(slow.id)).toMatchObject({ state: 'done', result: 'ended' });
      });

      it('cuts short what does not end in time, which is then unfinished and not failed', async () => {
        const started = Promise.withResolvers<void>();
        acts['hang'] = ({ signal }) => {
          started.resolve();
          return untilAborted(signal);
        };
        await start();
        const { id } = await queue.enqueue('act', { what: 'hang' });
        await started.promise;
        const outcome = queue.finished(id).catch((error: unknown) => error);
        const closed = queue.close({ deadlineMs: 50 });
        await under.passTime();
        await closed;
        expect(await outcome).toMatchObject({ code: 'SHUTTING_DOWN' });
        expect(await under.afterClose(id)).toMatchObject({ state: 'waiting', finishedAt: null });
      });
    });
  });
}
