import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HandleCache } from './handle-cache.js';
import { eachAtMost } from './in-flight.js';
import { OpenPlaces } from './open-places.js';
import { openForReading } from './raw-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'handles-'));
  for (let file = 0; file < 40; file++) await writeFile(join(folder, String(file)), 'x');
});
afterAll(() => rm(folder, { recursive: true }));

/** Files of the folder that this process has open. */
async function openNow(): Promise<number> {
  const links = await readdir('/proc/self/fd');
  const { readlink } = await import('node:fs/promises');
  const targets = await Promise.all(
    links.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith(folder)).length;
}

function cacheOf(places: OpenPlaces): HandleCache {
  return new HandleCache((file) => openForReading(join(folder, String(file))), 30, places);
}

describe('HandleCache', () => {
  it('shares the places of the process with others: what rests longest is closed', async () => {
    const places = new OpenPlaces(10);
    const caches = [cacheOf(places), cacheOf(places), cacheOf(places)];
    let most = 0;
    const jobs = Array.from({ length: 300 }, (_, job) => job);
    await eachAtMost(jobs, 25, async (job) => {
      const lease = await caches[job % 3]!.lease((job * 7) % 40, false);
      most = Math.max(most, await openNow());
      lease.release();
    });
    expect(most).toBeLessThanOrEqual(10);
    expect(most).toBeGreaterThan(5);
    expect(places.taken).toBeLessThanOrEqual(10);
    await Promise.all(caches.map((cache) => cache.closeAll()));
    expect(places.taken).toBe(0);
    expect(await openNow()).toBe(0);
  });

  it('waits while all places are in use, and goes on with the first that is free', async () => {
    const places = new OpenPlaces(1);
    const [one, other] = [cacheOf(places), cacheOf(places)];
    const held = await one.lease(1, false);
    let got = false;
    const waiting = other.lease(2, false).then((lease) => {
      got = true;
      return lease;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(got).toBe(false);
    held.release();
    (await waiting).release();
    expect(await one.lease(1, false).then((lease) => lease.release())).toBeUndefined();
  });

  it('gives the place of a file that cannot be opened back', async () => {
    const places = new OpenPlaces(1);
    const cache = cacheOf(places);
    await expect(cache.lease(99, false)).rejects.toMatchObject({ code: 'PIECE_UNAVAILABLE' });
    expect(places.taken).toBe(0);
  });
});
