import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { withAnnounce } from '#lib/torrent';

import { buildFromMemory } from '../../libs/torrent/src/metainfo/metainfo.fixture.js';
import { ownAddress } from '../support/clients/addresses.js';
import type { StockClient } from '../support/clients/client.types.js';
import { CLIENTS, startClient } from '../support/clients/start-client.js';
import { startTracker, type TrackerService } from '../support/clients/tracker-service.js';
import { freshBytes, sha512Of } from '../support/content.js';

const NAME = 'build.bin';
const PIECE = 64 * 1024;
const LENGTH = 100 * PIECE + 1;
const TIMEOUT_MS = 60_000;

/**
 * Clients among themselves, with our tracker and our metainfo but without our engine: shows that the
 * clients as the other suites start them do work, and what those prove is about the engine.
 */
describe('stock clients with our tracker and our metainfo', () => {
  let root: string;
  let tracker: TrackerService;
  let infoHash: Buffer;
  let hash: string;
  const running: StockClient[] = [];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fleetseed-interop-'));
    tracker = await startTracker(ownAddress());
    const content = freshBytes(LENGTH);
    await mkdir(join(root, 'origin'));
    await writeFile(join(root, 'origin', NAME), content);
    hash = await sha512Of(join(root, 'origin', NAME));
    const files = [{ path: [NAME], content }];
    const shape = { name: NAME, files, single: true, pieceLength: PIECE, format: 'v1' } as const;
    const { metainfoBytes, infoHashV1 } = buildFromMemory(shape);
    infoHash = infoHashV1!;
    await writeFile(torrentFile(), withAnnounce(metainfoBytes, [[tracker.announceUrl]]));
  });
  afterEach(() => Promise.all(running.splice(0).map((client) => client.stop())));
  afterAll(async () => {
    await tracker.stop();
    await rm(root, { recursive: true, force: true });
  });

  const torrentFile = () => join(root, 'build.torrent');

  for (const seed of CLIENTS) {
    const others = CLIENTS.filter((name) => name !== seed);
    it(`${seed} seeds to ${others.join(' and ')}`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const where = { torrentFile: torrentFile(), address: ownAddress() };
      const folder = join(root, 'origin');
      const from = await startClient(seed, { ...where, mode: 'seed', folder });
      running.push(from);
      await from.whenComplete(signal);
      await tracker.seeded(infoHash, signal);
      const downloads = others.map(async (name) => {
        const target = await mkdtemp(join(root, `${name}-`));
        const client = await startClient(name, { ...where, mode: 'download', folder: target });
        running.push(client);
        const { downloaded } = await client.whenComplete(signal);
        const got = await sha512Of(join(target, NAME));
        return { name, got, enough: downloaded >= LENGTH };
      });
      const wanted = others.map((name) => ({ name, got: hash, enough: true }));
      expect(await Promise.all(downloads)).toEqual(wanted);
    });
  }
});
