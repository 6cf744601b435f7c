import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { CLIENTS } from '../support/clients/start-client.js';
import { StockFleet, type StockRelease } from '../support/clients/stock-fleet.js';
import { freshBytes, sha512Of } from '../support/content.js';
import { until } from '../support/waiting.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIMEOUT_MS = 90_000;

describe('a client of somebody else’s as the only seed of `fleetseed pull`', () => {
  let fleet: StockFleet;
  const releases: StockRelease[] = [];

  beforeAll(async () => {
    // Nothing comes from the origin, however long a seed takes to unchoke.
    const silent = ['--roles', 'api,tracker,work'];
    fleet = await StockFleet.start('--peer-access', 'announced', ...silent);
    for (const bytes of [24 * MIB + 1, 1, 16 * KIB, 64 * KIB + 1]) {
      releases.push(await fleet.release('build.tar', freshBytes(bytes)));
    }
  });
  afterEach(() => fleet.stopClients());
  afterAll(() => fleet.close());

  for (const name of CLIENTS) {
    it(`${name}`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      // Side by side, since Transmission looks whom to unchoke every ten seconds only.
      const give = async (release: StockRelease) => {
        const seed = await fleet.seed(name, release, signal);
        const out = await fleet.sandbox.folder('pulled');
        const done = await fleet.pull(release.reference, out);
        expect(await sha512Of(join(out, release.name))).toBe(release.sha512);
        expect(done).toMatchObject({ fromOrigin: 0, fromPeers: release.bytes });
        // Its own figures may be a moment behind.
        const counted = async () => (await seed.progress()).uploaded >= release.bytes;
        await until(`${name} counts what it uploaded`, counted);
      };
      await Promise.all(releases.map(give));
      expect((await fleet.account()).origin).toBe(0);
    });
  }
});
