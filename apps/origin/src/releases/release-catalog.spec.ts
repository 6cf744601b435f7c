import { describe, expect, it } from 'vitest';

import type { Release } from '#lib/contracts';
import { emptyContent, MemoryDepot, type KeyPage, type ListOptions } from '#lib/depot';
import { VirtualClock } from '#lib/runtime';

import { ReleaseCatalog } from './release-catalog.js';

const HASH = 'ab'.repeat(32);

function release(app: string, version: string): Release {
  return {
    artifact: HASH,
    infoHashV1: null,
    infoHashV2: HASH,
    name: app,
    single: false,
    bytes: 1,
    files: 1,
    pieces: 1,
    pieceLength: 65_536,
    app,
    version,
    createdAt: 1,
    createdBy: 'ci',
  };
}

/** Two replicas of one depot, the second of which counts its listings. */
async function replicas() {
  const content = emptyContent();
  const [one, two] = [await MemoryDepot.open({ content }), await MemoryDepot.open({ content })];
  const clock = new VirtualClock();
  const counted = { listings: 0 };
  const list = two.list.bind(two);
  two.list = (prefix: string, options?: ListOptions): Promise<KeyPage> => {
    counted.listings++;
    return list(prefix, options);
  };
  const [first, second] = [new ReleaseCatalog(one, clock), new ReleaseCatalog(two, clock)];
  return { first, second, clock, counted };
}

describe('ReleaseCatalog', () => {
  it('finds the releases of an artifact, also those that another replica made a second ago', async () => {
    const { first, second, clock } = await replicas();
    await first.create(release('web', '1'));
    await first.create(release('api', '7'));
    expect((await second.ofArtifact(HASH)).map(({ app }) => app).sort()).toEqual(['api', 'web']);
    const other = 'cd'.repeat(32);
    expect(await second.ofArtifact(other)).toEqual([]);
    await first.create({ ...release('web', '2'), artifact: other, infoHashV2: other });
    clock.advance(1000);
    expect((await second.ofArtifact(other)).map(({ version }) => version)).toEqual(['2']);
  });

  it('does not look through the depot for each of many artifacts that nobody has', async () => {
    const { first, second, counted } = await replicas();
    await first.create(release('web', '1'));
    for (let index = 0; index < 50; index++) {
      await second.ofArtifact(index.toString(16).padStart(64, '0'));
    }
    // One look: the apps, and of the one its releases and what is retired of them.
    expect(counted.listings).toBe(3);
  });
});
