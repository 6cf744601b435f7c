import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { emptyContent, MemoryDepot, type MemoryDepotContent } from '#lib/depot';
import { silentLogger, systemClock, VirtualClock } from '#lib/runtime';

import { checkConfig } from '../config/config-parser.js';
import { isGone, ownProcessMark, type ProcessMark } from './process-mark.js';
import { ReplicaRecords } from './replica-records.js';
import { SettingsGuard, type SettingsGuardOptions } from './settings-guard.js';
import {
  conflictOf,
  settingsConflictError,
  sharedSettingsOf,
  tokenMarks,
} from './shared-settings.js';

/** Where nothing can be seen of a process. */
const ELSEWHERE: ProcessMark = { hostname: 'elsewhere', pid: 7, machine: '', beganAt: '' };

let content: MemoryDepotContent;
const guards: SettingsGuard[] = [];
beforeEach(() => {
  content = emptyContent();
});
afterEach(() => Promise.all(guards.splice(0).map((guard) => guard.close())));

async function replica(
  given: Readonly<Record<string, unknown>> = {},
  options: Partial<SettingsGuardOptions> = {},
): Promise<SettingsGuard> {
  const depot = await MemoryDepot.open({ content });
  const common = { depot, clock: systemClock, logger: silentLogger, beatMs: 20, silenceMs: 400 };
  const settings = sharedSettingsOf(checkConfig(given));
  const guard = await SettingsGuard.open({ ...common, process: ELSEWHERE, ...options }, settings);
  guards.push(guard);
  return guard;
}

const records = async () => new ReplicaRecords(await MemoryDepot.open({ content })).all();
const refusal = (key: string, text: RegExp) => ({
  code: 'CONFIG_INVALID',
  exit: 2,
  facts: { key },
  message: expect.stringMatching(text) as string,
});

describe('replicas on one depot', () => {
  it('run side by side with the same settings', async () => {
    await replica({ copyBudget: 2 });
    await replica({ copyBudget: 2, listen: '127.0.0.1:1', logLevel: 'error' });
    expect(await records()).toHaveLength(2);
  });

  it('the second does not start with another setting, which is named with both values', async () => {
    await replica({ copyBudget: 1.2 });
    const text = /FLEETSEED_COPY_BUDGET.* is 3 here and 1.2 at .*elsewhere, process 7/;
    await expect(replica({ copyBudget: 3 })).rejects.toMatchObject(refusal('copyBudget', text));
    expect(await records()).toHaveLength(1);
  });

  it.each([
    [{ redisUrl: 'redis://127.0.0.1' }, {}, 'redisUrl', /is not set here and set at/],
    [{ peerAccess: 'open' }, {}, 'peerAccess', /is members here and open at/],
    [{ retentionKeepLast: 9 }, {}, 'retentionKeepLast', /is 0 here and 9 at/],
    [{ importBuckets: 'bb1, aa1' }, {}, 'importBuckets', /is not set here and aa1, bb1 at/],
  ])('nor with %j before and %j now', async (before, now, key, text) => {
    await replica(before);
    await expect(replica(now)).rejects.toMatchObject(refusal(key, text));
  });

  it('which may be changed when nobody is left', async () => {
    const first = await replica({ copyBudget: 1.2 });
    await first.close();
    await replica({ copyBudget: 3 });
    expect((await records()).map(({ settings }) => settings['copyBudget'])).toEqual(['3']);
  });

  it('also when the others were killed elsewhere: they show nothing any more', async () => {
    await replica({ copyBudget: 1.2 }, { beatMs: 3_600_000 });
    await replica({ copyBudget: 3 }, { silenceMs: 100 });
    expect((await records()).map(({ settings }) => settings['copyBudget'])).toEqual(['3']);
  });

  it('and who was taken for dead meanwhile finds that out when it is back, until they agree', async () => {
    const clock = new VirtualClock();
    const cutOff = await replica({ copyBudget: 1.2 }, { clock, beatMs: 5000 });
    const other = await replica({ copyBudget: 3 }, { silenceMs: 50 });
    expect(cutOff.conflict).toBeNull();
    const beat = () => {
      clock.advance(5000);
      return cutOff.conflict;
    };
    await expect.poll(beat).toMatchObject(refusal('copyBudget', /is 1.2 here and 3 at/));
    await other.close();
    guards.splice(guards.indexOf(other), 1);
    await expect.poll(beat).toBeNull();
  });

  it('and ends at once, also while it waits whether others are alive', async () => {
    const clock = new VirtualClock();
    const waits = Promise.withResolvers<void>();
    const logger = { ...silentLogger, warn: () => waits.resolve() };
    const forHours = { clock, beatMs: 5000, silenceMs: 3_600_000, logger };
    const cutOff = await replica({ copyBudget: 1.2 }, forHours);
    await replica({ copyBudget: 3 }, { silenceMs: 50, beatMs: 3_600_000 });
    clock.advance(5000);
    await waits.promise;
    await cutOff.close();
    expect((await records()).map(({ settings }) => settings['copyBudget'])).toEqual(['3']);
  });

  it('and at once where it is seen that they were killed', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const own = await ownProcessMark();
    const mark = { ...own, pid: child.pid! };
    // What `sleep` is not: a process that began when this one did.
    expect(await isGone(mark)).toBe(true);
    expect(await isGone(own)).toBe(false);
    await replica({ copyBudget: 1.2 }, { process: mark });
    await replica({ copyBudget: 3 }, { silenceMs: 3_600_000 });
    child.kill('SIGKILL');
  });

  it('and not where a process of another user is not to be seen, but there', async () => {
    const mark = { ...(await ownProcessMark()), pid: 7 };
    const beginOf = async () => null;
    expect(await isGone(mark, { beginOf, isOfOthers: () => true })).toBeNull();
    expect(await isGone(mark, { beginOf, isOfOthers: () => false })).toBe(true);
  });

  it('of two that start at the same moment at most one stays', async () => {
    const both = await Promise.allSettled([replica({ copyBudget: 2 }), replica({ copyBudget: 3 })]);
    expect(both.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
  });

  it('have the same tokens, which are not to be read from what is compared', () => {
    const marks = tokenMarks('depot', { admin: 'one-admin-token', join: 'the same' });
    const others = tokenMarks('depot', { admin: 'other-admin-token', join: 'the same' });
    expect(conflictOf(marks, marks)).toBeNull();
    expect(JSON.stringify(marks)).not.toContain('admin-token');
    const conflict = conflictOf(marks, others)!;
    expect(conflict.key).toBe('adminTokenFile');
    const { message } = settingsConflictError(conflict, 'a host');
    expect(message).toMatch(/FLEETSEED_ADMIN_TOKEN_FILE.*not the same as at/);
    expect(message).not.toContain(conflict.ours);
  });
});
