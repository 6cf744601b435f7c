import { expect, it } from 'vitest';
import { z } from 'zod';

import { VirtualClock } from '#lib/runtime';

import type { Depot } from '../depot.js';
import { MemoryDepot } from '../memory/memory-depot.js';
import { AppendLog, logKeyOf } from './append-log.js';
import { onEveryDepot } from './stores.fixture.js';

const State = z.looseObject({ version: z.string() });
const PREFIX = 'apps/shop/channels/stable/';

onEveryDepot('AppendLog', (depot) => {
  const log = (of = depot()) =>
    new AppendLog(of, PREFIX, State, { clock: new VirtualClock(1_000) });

  it('appends entries that know the one before, and finds the newest with one listed key', async () => {
    const channel = log();
    expect(await channel.newest()).toBeNull();
    expect(await channel.newestNumber()).toBe(0);
    for (let n = 0; n < 12; n++) {
      const { appended } = await channel.append(n, { version: `1.${n}` });
      expect(appended).toBe(true);
    }
    const newest = (await channel.newest())!;
    expect(newest).toMatchObject({ v: 1, n: 12, predecessor: 11, at: 1_000 });
    expect(newest.state).toEqual({ version: '1.11' });
    expect((await depot().list(PREFIX, { limit: 1 })).keys).toEqual([PREFIX + logKeyOf(12)]);
    expect(await channel.newestNumber()).toBe(12);
    expect((await channel.history(3)).map((entry) => entry.n)).toEqual([12, 11, 10]);
    expect((await channel.history(3, 3)).map((entry) => entry.n)).toEqual([2, 1]);
  });

  it('lets one of twenty racers append, and shows the others who was first', async () => {
    const channel = log();
    await channel.append(0, { version: 'first' });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, racer) => channel.append(1, { version: `racer ${racer}` })),
    );
    const winners = results.flatMap((result) => (result.appended ? [result.entry] : []));
    expect(winners).toHaveLength(1);
    for (const result of results.filter(({ appended }) => !appended)) {
      expect(result).toEqual({ appended: false, newest: winners[0] });
    }
  });

  it('refuses an old predecessor and one that does not exist', async () => {
    const channel = log();
    await channel.append(0, { version: 'a' });
    await channel.append(1, { version: 'b' });
    const newest = await channel.newest();
    for (const predecessor of [0, 1, 3]) {
      const result = await channel.append(predecessor, { version: 'c' });
      expect(result).toEqual({ appended: false, newest });
    }
  });

  it('applies every change of many writers', async () => {
    const count = () =>
      log().update((newest) => ({ version: String(Number(newest?.state.version ?? 0) + 1) }));
    await Promise.all(Array.from({ length: 6 }, count));
    expect((await log().newest())!.state.version).toBe('6');
    expect(await log().update(() => null)).toBeNull();
  });
});

it('AppendLog recognises its own entry after a write whose outcome was lost', async () => {
  const depot = await MemoryDepot.open();
  // As a store that repeats a request whose answer it did not get: the second one finds the first.
  const forgetful: Depot = Object.create(depot, {
    createDocument: {
      value: async (key: string, bytes: Buffer) => {
        await depot.createDocument(key, bytes);
        return depot.createDocument(key, bytes);
      },
    },
    readDocument: { value: (key: string) => depot.readDocument(key) },
    list: { value: depot.list.bind(depot) },
  });
  const channel = new AppendLog(forgetful, PREFIX, State);
  const result = await channel.append(0, { version: 'mine' });
  expect(result).toMatchObject({ appended: true, entry: { n: 1 } });
});

it('log keys of later entries sort first', () => {
  const keys = [1, 2, 9, 10, 11, 99, 100, Number.MAX_SAFE_INTEGER].map(logKeyOf);
  expect(keys.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(keys.toReversed());
  expect(new Set(keys.map((key) => key.length))).toEqual(new Set([25]));
});
