import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CLIENTS } from '../support/clients/start-client.js';
import { StockFleet, type StockRelease } from '../support/clients/stock-fleet.js';
import { freshBytes, sha512Of } from '../support/content.js';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 90_000;
/** Slow enough that all are in the swarm together for a while, bytes a second. */
const PACE = 4 * MIB;
/** So long strangers try in vain, after the fleet has finished. */
const IN_VAIN_MS = 3000;

describe('aria2, Transmission, libtorrent and our pull in one live swarm', () => {
  let fleet: StockFleet;
  let release: StockRelease;

  beforeAll(async () => {
    fleet = await StockFleet.start('--peer-access', 'announced');
    release = await fleet.release('build.tar', freshBytes(32 * MIB + 777));
  });
  afterAll(() => fleet.close());

  it('all finish, and give to each other', { timeout: 2 * TIMEOUT_MS }, async () => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const limits = { downloadLimit: PACE };
    const strangers = await Promise.all(
      CLIENTS.map((name) => fleet.download(name, release, limits)),
    );
    const out = await fleet.sandbox.folder('pulled');
    const [done, ...progress] = await Promise.all([
      fleet.pull(release.reference, out),
      ...strangers.map(({ client }) => client.whenComplete(signal)),
    ]);
    const copies = [out, ...strangers.map(({ folder }) => folder)];
    const hashes = await Promise.all(copies.map((folder) => sha512Of(join(folder, release.name))));
    expect(hashes).toEqual(copies.map(() => release.sha512));
    expect(done.fromOrigin + done.fromPeers).toBe(release.bytes);
    expect(progress.map(({ wasted }) => wasted)).toEqual([0, 0, 0]);
    const figures = await Promise.all(strangers.map(({ client }) => client.progress()));
    expect(figures.reduce((sum, { uploaded }) => sum + uploaded, 0)).toBeGreaterThan(0);
    await fleet.stopClients();
    const { origin, originByReason } = await fleet.account();
    // Four machines have it; the origin did not have to send it four times.
    expect(origin / release.bytes).toBeLessThan(3);
    expect(originByReason['stranger']).toBeGreaterThan(0);
  });
});

describe('strangers under the default access', () => {
  let fleet: StockFleet;
  let release: StockRelease;

  beforeAll(async () => {
    fleet = await StockFleet.start();
    release = await fleet.release('build.tar', freshBytes(24 * MIB));
  });
  afterAll(() => fleet.close());

  it('get nothing, while the fleet is served', { timeout: 2 * TIMEOUT_MS }, async () => {
    const strangers = await Promise.all(CLIENTS.map((name) => fleet.download(name, release)));
    const out = await fleet.sandbox.folder('pulled');
    const done = await fleet.pull(release.reference, out);
    expect(await sha512Of(join(out, release.name))).toBe(release.sha512);
    expect(done).toMatchObject({ fromOrigin: release.bytes, fromPeers: 0 });
    await pause(IN_VAIN_MS);
    for (const { client } of strangers) {
      const { complete, downloaded, uploaded, tracker } = await client.progress();
      expect(tracker).toContain('Peers here serve members of their fleet only');
      const figures = { name: client.name, complete, downloaded, uploaded };
      expect(figures).toEqual({ name: client.name, complete: false, downloaded: 0, uploaded: 0 });
    }
    const { origin, originByReason } = await fleet.account();
    expect(originByReason['stranger']).toBe(0);
    expect(origin).toBe(release.bytes);
  });
});
