import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Job, VerificationReport } from '#lib/contracts';
import { FsDepot } from '#lib/depot';
import { VirtualClock } from '#lib/runtime';

import { inspectDepot, type DepotFindings } from '../collection/collection.fixture.js';
import { noise, TestOrigin, TestTree } from '../origin.fixture.js';
import { Pace } from './pace.js';

const BIG = noise(1_300_000, 'big');
const SMALL = Object.fromEntries(
  ['a', 'b', 'c'].map((name) => [name, noise(30_000, name)] as const),
);
const TREE = { ...SMALL, big: BIG };

let origin: TestOrigin;
beforeEach(async () => {
  origin = await TestOrigin.start({
    roles: 'api,tracker,work',
    verificationBytesPerSecond: 1_000_000_000,
    verificationEverySeconds: 0,
  });
  await push('1', TREE);
});
afterEach(() => origin.stop());

async function push(version: string, files: Record<string, Buffer>): Promise<void> {
  const upload = await origin.push('web', new TestTree(files, { version }));
  expect(upload).toMatchObject({ state: 'published', error: null });
}

async function verify(): Promise<VerificationReport> {
  let { body: job } = await origin.call<Job>('POST', '/verification');
  while (job.state === 'waiting' || job.state === 'active') {
    await new Promise((resolve) => setTimeout(resolve, 10));
    job = (await origin.call<Job>('GET', `/jobs/${job.job}`)).body;
  }
  if (job.state !== 'done') throw new Error(JSON.stringify(job));
  return job.result as VerificationReport;
}

async function inspect(): Promise<DepotFindings> {
  let findings: DepotFindings | undefined;
  await origin.restart(async () => {
    findings = await inspectDepot(origin.folder);
  });
  return findings!;
}

/** The files of the depot that hold content of this kind. */
async function objectsOn(folder: string, kind: 'blobs' | 'packs'): Promise<string[]> {
  const root = join(folder, 'depot', kind);
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  return names
    .filter((each) => each.isFile() && !/\.(?:leaves|index)$/.test(each.name))
    .map((each) => join(each.parentPath, each.name));
}

/** Flips one byte of the only object of a kind, as a bad disk would. */
async function flip(kind: 'blobs' | 'packs', at: number): Promise<void> {
  await origin.restart(async () => {
    const [file] = await objectsOn(origin.folder, kind);
    const bytes = await readFile(file!);
    bytes[at]! ^= 1;
    await writeFile(file!, bytes);
  });
}

describe('a verification', () => {
  it('finds nothing wrong with what is right', async () => {
    expect(await verify()).toMatchObject({
      checkedObjects: 2,
      checkedBytes: BIG.length + 90_000,
      damaged: [],
      unreadable: [],
    });
    expect((await inspect()).intact).toEqual(['web@1']);
  });

  it('takes a damaged file out of use, and it is whole again once it is pushed anew', async () => {
    await flip('blobs', 700_000);
    const { damaged } = await verify();
    expect(damaged).toMatchObject([{ object: /^blobs\//, releases: ['web@1'] }].map(asPattern));
    expect((await inspect()).broken).toHaveLength(1);
    expect(await verify()).toMatchObject({ checkedObjects: 1, damaged: [] });

    await push('2', TREE);
    expect(await verify()).toMatchObject({ healed: 1, damaged: [] });
    const { intact, broken } = await inspect();
    expect([intact, broken]).toEqual([['web@1', 'web@2'], []]);
  });

  it('saves the good files of a damaged pack, and lets places follow what is pushed anew', async () => {
    await flip('packs', 45_000);
    const { damaged } = await verify();
    expect(damaged).toHaveLength(1);
    const { broken } = await inspect();
    expect(broken).toHaveLength(1);

    await push('2', TREE);
    expect(await verify()).toMatchObject({ healed: 1, damaged: [] });
    expect((await inspect()).broken).toEqual([]);
  });

  it('finds what was cut short, and what is gone', async () => {
    await origin.restart(async () => {
      const [pack] = await objectsOn(origin.folder, 'packs');
      await truncate(pack!, 50_000);
      const [blob] = await objectsOn(origin.folder, 'blobs');
      await truncate(blob!, 1000);
    });
    expect((await verify()).damaged).toHaveLength(1 + 2);
    await push('2', TREE);
    expect(await verify()).toMatchObject({ healed: 2, damaged: [] });
    expect((await inspect()).broken).toEqual([]);
  });

  it('goes on where it was interrupted', async () => {
    await verify();
    await origin.restart(async () => {
      const depot = await FsDepot.open({ root: join(origin.folder, 'depot') });
      const key = 'verification/state.json';
      const stored = (await depot.readDocument(key))!;
      const state = JSON.parse(stored.bytes.toString()) as { report: object };
      const [blob] = (await depot.list('blobs/')).keys;
      const report = { ...state.report, finishedAt: null, checkedObjects: 1 };
      const bytes = Buffer.from(JSON.stringify({ ...state, report, cursor: blob }));
      await depot.replaceDocument(key, bytes, stored.version);
      await depot.close();
    });
    // The start itself has seen that one is unfinished; asking again gives the same job.
    expect(await verify()).toMatchObject({ checkedObjects: 2 });
  });
});

describe('the pace', () => {
  it('never lets more through than its rate and one second of burst', () => {
    const steps = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), idleMs: fc.nat(3000) }),
      { minLength: 1, maxLength: 50 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 100, max: 10_000 }), (taken, rate) => {
        const clock = new VirtualClock();
        const pace = new Pace(rate, clock);
        let bytes = 0;
        for (const step of taken) {
          clock.advance(step.idleMs);
          bytes += step.bytes;
          clock.advance(pace.take(step.bytes));
          expect(bytes).toBeLessThanOrEqual(rate * (clock.monotonic() / 1000 + 1) + 1e-6);
        }
      }),
    );
  });

  it('makes nobody wait who is slower', () => {
    const clock = new VirtualClock();
    const pace = new Pace(1000, clock);
    for (let second = 0; second < 5; second++) {
      clock.advance(1000);
      expect(pace.take(900)).toBe(0);
    }
  });
});

function asPattern(entry: { object: RegExp; releases: string[] }) {
  return { object: expect.stringMatching(entry.object) as string, releases: entry.releases };
}
