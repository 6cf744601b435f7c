import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { randomInt, seededRandom } from '#lib/runtime';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';
import { collect, inspectDepot, ShiftedClock, type DepotFindings } from './collection.fixture.js';

const GRACE = 200;
const EXPIRY = 100;
const RULES = {
  retentionKeepLast: 1,
  retentionKeepDays: 0,
  retentionChannelEntries: 2,
  uploadExpirySeconds: EXPIRY,
  collectionGraceSeconds: GRACE,
  collectionEverySeconds: 0,
  roles: 'api,tracker,work',
};

let clock: ShiftedClock;
let origin: TestOrigin;
beforeEach(async () => {
  clock = new ShiftedClock();
  origin = await TestOrigin.start(RULES, { clock });
});
afterEach(() => origin.stop());

async function inspect(): Promise<DepotFindings> {
  let findings: DepotFindings | undefined;
  await origin.restart(async () => {
    findings = await inspectDepot(origin.folder);
  });
  return findings!;
}

const big = (seed: string) => noise(1_100_000, seed);
const small = (seed: string) => noise(50_000, seed);

async function push(version: string, files: Record<string, Buffer>, app = 'web'): Promise<void> {
  const upload = await origin.push(app, new TestTree(files, { version }));
  expect(upload).toMatchObject({ state: 'published', error: null });
  // Releases are told apart by when they were made.
  clock.shift(1);
}

describe('a collection', () => {
  it('gives up old releases, and removes after the grace what only they needed', async () => {
    await push('1', { old: big('old'), kept: big('kept'), a: small('a') });
    await push('2', { kept: big('kept'), b: small('b') });
    const first = await collect(origin);
    expect(first).toMatchObject({ retired: [{ app: 'web', version: '1' }], removedBytes: 0 });
    expect((await origin.call('GET', '/apps/web/releases/1')).status).toBe(404);
    // The content of a release stays for the grace after it was given up, and then is condemned.
    clock.shift(GRACE + 1);
    expect(await collect(origin)).toMatchObject({
      artifacts: { live: 1, condemned: 1, removed: 0 },
      blobs: { live: 1, condemned: 1, removed: 0 },
    });
    clock.shift(GRACE - 10);
    expect(await collect(origin)).toMatchObject({ removedBytes: 0 });
    clock.shift(11);
    expect(await collect(origin)).toMatchObject({
      artifacts: { removed: 1 },
      packs: { removed: 1 },
      blobs: { removed: 1 },
      removedBytes: 1_100_000 + 50_000,
      damaged: [],
    });
    const { intact, broken, keys } = await inspect();
    expect([intact, broken]).toEqual([['web@2'], []]);
    expect(keys).toHaveLength(2 + 2 + 2);
  });

  it('says what it would do, and does nothing', async () => {
    await push('1', { old: big('old') });
    await push('2', { new: big('new') });
    expect(await collect(origin, true)).toMatchObject({
      dryRun: true,
      retired: [{ app: 'web', version: '1' }],
    });
    expect((await origin.call('GET', '/apps/web/releases/1')).status).toBe(200);
    await collect(origin);
    clock.shift(GRACE + 1);
    await collect(origin);
    clock.shift(GRACE + 1);
    expect(await collect(origin, true)).toMatchObject({ blobs: { removed: 1 } });
    expect((await inspect()).keys).toHaveLength(4 + 4);
    expect(await collect(origin)).toMatchObject({ blobs: { removed: 1 } });
    expect((await inspect()).keys).toHaveLength(2 + 2);
  });

  it('keeps what a channel points to and may go back to', async () => {
    for (const version of ['1', '2', '3']) {
      await push(version, { f: big(version) });
      await origin.call('PUT', '/apps/web/channels/stable', { json: { version } });
    }
    await push('4', { f: big('4') });
    expect((await collect(origin)).retired).toEqual([{ app: 'web', version: '1' }]);
  });

  it('never uses a version twice', async () => {
    await push('1', { f: big('1') });
    await push('2', { f: big('2') });
    await collect(origin);
    for (const seed of ['1', 'other']) {
      const { request } = new TestTree({ f: big(seed) }, { version: '1' });
      const again = await origin.call('POST', '/apps/web/uploads', { json: request });
      expect(again).toMatchObject({ status: 409, body: { code: 'VERSION_RETIRED' } });
    }
  });

  it('gathers what is left of half empty packs, and all places follow', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `f${index}`);
    const all = Object.fromEntries(names.map((name) => [name, small(name)]));
    await push('1', all);
    const { f0, f1, f2 } = all;
    await push('2', { f0: f0!, f1: f1!, f2: f2! });
    await push('1', { f0: f0!, g: small('g') }, 'other');
    await collect(origin);
    clock.shift(GRACE + 1);
    expect(await collect(origin)).toMatchObject({ repackedPacks: 1, repackedBytes: 150_000 });
    expect((await inspect()).broken).toEqual([]);
    expect(await collect(origin)).toMatchObject({ repackedPacks: 0, packs: { condemned: 1 } });
    clock.shift(GRACE + 1);
    expect(await collect(origin)).toMatchObject({ packs: { removed: 1 } });
    const { intact, broken } = await inspect();
    expect([intact, broken]).toEqual([['other@1', 'web@2'], []]);
  });

  it('leaves alone what an upload was told it need not send', async () => {
    await push('1', { f: big('f'), s: small('s') });
    await push('2', { g: big('g') });
    await collect(origin);
    clock.shift(GRACE + 1);
    await collect(origin);
    clock.shift(GRACE - EXPIRY / 2);
    const tree = new TestTree({ f: big('f'), s: small('s') }, { version: '3' });
    const begun = await origin.call<{ upload: string; knownRoots: string[] }>(
      'POST',
      '/apps/web/uploads',
      { json: tree.request },
    );
    expect(begun.body).toMatchObject({ knownBytes: 1_100_000 });
    clock.shift(EXPIRY / 2 + 10);
    await collect(origin);
    expect(await origin.push('web', tree)).toMatchObject({ state: 'published' });
    expect((await inspect()).broken).toEqual([]);
  });

  it('loses nothing in a race with uploads, publishes, channel moves and the passing of time', async () => {
    const random = seededRandom(7);
    const pool = Array.from({ length: 12 }, (_, index) =>
      index % 3 === 0 ? big(`pool-${index}`) : small(`pool-${index}`),
    );
    let busy = 4;
    let pushed = 0;
    let published = 0;
    let removed = 0;
    const pusher = async (app: string, by: number) => {
      // How often there is a collection meanwhile is for the machine to say: it goes on until there was enough to see.
      for (let n = 0; n < 20 || (n < 200 && removed <= 20); n++) {
        pushed++;
        const version = `${by}.${n}`;
        const files: Record<string, Buffer> = { own: small(`${app}-${by}-${n}`) };
        for (let pick = 0; pick < 4; pick++) {
          const index = randomInt(random, pool.length);
          files[`p${index}`] = pool[index]!;
        }
        const tree = new TestTree(files, { version });
        // An upload that the jumping clock has let expire is begun again, as a client would.
        for (let attempt = 0; attempt < 5; attempt++) {
          const upload = await origin.push(app, tree).catch(() => null);
          if (upload?.state !== 'published') continue;
          published++;
          await origin.call('PUT', `/apps/${app}/channels/stable`, { json: { version } });
          break;
        }
        const older = `${by}.${randomInt(random, n + 1)}`;
        await origin.call('PUT', `/apps/${app}/channels/canary`, { json: { version: older } });
      }
      busy--;
    };
    const collecting = async () => {
      while (busy > 0) {
        const report = await collect(origin);
        removed += report.artifacts.removed + report.packs.removed + report.blobs.removed;
        clock.shift(90);
        await sleep(1);
      }
    };
    await Promise.all([
      ...[0, 1].map((by) => pusher('web', by)),
      ...[2, 3].map((by) => pusher('api', by)),
      collecting(),
    ]);
    // It was no idle race: most came through, and much was removed meanwhile.
    expect(published / pushed).toBeGreaterThan(50 / 80);
    expect(removed).toBeGreaterThan(20);
    const { intact, broken } = await inspect();
    expect(broken).toEqual([]);
    expect(intact.length).toBeGreaterThanOrEqual(2);
  }, 120_000);
});
