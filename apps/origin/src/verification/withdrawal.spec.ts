import { describe, expect, it } from 'vitest';

import type { Job, VerificationReport } from '#lib/contracts';
import { MemoryDepot } from '#lib/depot';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

/** What a depot in memory keeps; it counts how often places were read. */
class Values extends Map<string, Buffer> {
  placesRead = 0;

  override get(key: string): Buffer | undefined {
    if (key.endsWith('.places')) this.placesRead++;
    return super.get(key);
  }

  /** Flips a byte in each of the first so many objects of a kind. @returns their keys */
  damage(kind: 'blobs' | 'packs', count: number): string[] {
    const keys = [...this.keys()].filter((key) => key.startsWith(kind) && !/\.\w+$/.test(key));
    const bad = keys.toSorted().slice(0, count);
    for (const key of bad) super.get(key)![20_000]! ^= 1;
    return bad;
  }
}

const RELEASES = 4;
const BIG = Object.fromEntries(
  Array.from({ length: 6 }, (_, index) => [`big-${index}`, noise(1_100_000, `${index}`)] as const),
);

/** A depot of several releases that share their large files, each with small ones of its own. */
async function depotWith(damage: (values: Values) => string[]) {
  const values = new Values();
  const depot = await MemoryDepot.open({ content: { values, parted: new Map() } });
  const origin = await TestOrigin.start(
    {
      roles: 'api,tracker,work',
      verificationBytesPerSecond: 1_000_000_000,
      verificationEverySeconds: 0,
    },
    { depot },
  );
  for (let version = 1; version <= RELEASES; version++) {
    const own = { [`small-${version}`]: noise(30_000, `small ${version}`) };
    await origin.push('web', new TestTree({ ...BIG, ...own }, { version: `${version}` }));
  }
  const bad = damage(values);
  values.placesRead = 0;
  const report = await verify(origin);
  const { placesRead } = values;
  const again = await verify(origin);
  await origin.stop();
  return { bad, report, placesRead, again };
}

async function verify(origin: TestOrigin): Promise<VerificationReport> {
  let { body: job } = await origin.call<Job>('POST', '/verification');
  while (job.state === 'waiting' || job.state === 'active') {
    await new Promise((resolve) => setTimeout(resolve, 10));
    job = (await origin.call<Job>('GET', `/jobs/${job.job}`)).body;
  }
  return job.result as VerificationReport;
}

const ALL = ['web@1', 'web@2', 'web@3', 'web@4'];

describe('damaged content', () => {
  it('is looked up once, however much there is of it', async () => {
    const one = await depotWith((values) => values.damage('blobs', 1));
    const many = await depotWith((values) => values.damage('blobs', 6));
    expect(many.placesRead).toBe(one.placesRead);
    expect(many.report.damaged.map(({ object }) => object).toSorted()).toEqual(many.bad);
    for (const { releases } of many.report.damaged) expect(releases.toSorted()).toEqual(ALL);
    expect(many.again).toMatchObject({ damaged: [], checkedObjects: RELEASES });
  });

  it('in packs is named with the releases that have it, and with no others', async () => {
    const { report, bad, again } = await depotWith((values) => values.damage('packs', 2));
    expect(report.damaged.map(({ object }) => object).toSorted()).toEqual(bad);
    const releases = report.damaged.flatMap((each) => each.releases);
    expect(releases).toHaveLength(2);
    expect(new Set(releases).size).toBe(2);
    expect(again).toMatchObject({ damaged: [], checkedObjects: 6 + RELEASES - 2 });
  });
});
