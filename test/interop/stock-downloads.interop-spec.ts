import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { CLIENTS } from '../support/clients/start-client.js';
import { StockFleet, type StockRelease } from '../support/clients/stock-fleet.js';
import { freshBytes, sha512Of } from '../support/content.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIMEOUT_MS = 90_000;

/** Around a block and a piece (64 KiB at this size); the first is big enough for many runs. */
const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['one-byte', 1],
  ['one-block', 16 * KIB],
  ['piece-and-a-byte', 64 * KIB + 1],
];

describe('downloading from the origin with the .torrent of `torrent get`', () => {
  let fleet: StockFleet;
  let big: StockRelease;
  const small: StockRelease[] = [];

  beforeAll(async () => {
    fleet = await StockFleet.start('--peer-access', 'announced');
    big = await fleet.release('build.tar', freshBytes(24 * MIB + 1));
    for (const [name, bytes] of SIZES) small.push(await fleet.release(name, freshBytes(bytes)));
  });
  afterEach(() => fleet.stopClients());
  afterAll(() => fleet.close());

  for (const name of CLIENTS) {
    it(`${name} alone gets 24 MiB and a byte`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const before = await fleet.account();
      const { client, folder } = await fleet.download(name, big);
      const progress = await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
      expect(await sha512Of(join(folder, big.name))).toBe(big.sha512);
      expect(progress.downloaded).toBeGreaterThanOrEqual(big.bytes);
      expect(progress.wasted).toBe(0);
      await fleet.stopClients();
      const after = await fleet.account();
      // Everything came from the origin, and once.
      const sent = after.originByReason['stranger']! - before.originByReason['stranger']!;
      expect(sent / big.bytes).toBeGreaterThanOrEqual(1);
      expect(sent / big.bytes).toBeLessThan(1.05);
    });

    it(`${name} gets small files of odd lengths`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const got = await Promise.all(
        small.map(async (release) => {
          const { client, folder } = await fleet.download(name, release);
          await client.whenComplete(signal);
          return sha512Of(join(folder, release.name));
        }),
      );
      expect(got).toEqual(small.map(({ sha512 }) => sha512));
    });
  }

  it('libtorrent gets the hybrid as well', { timeout: 2 * TIMEOUT_MS }, async () => {
    const hybrid = await fleet.release('hybrid.tar', freshBytes(5 * MIB + 3), '--format', 'hybrid');
    const { client, folder } = await fleet.download('libtorrent', hybrid);
    await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
    expect(await sha512Of(join(folder, hybrid.name))).toBe(hybrid.sha512);
  });
});
