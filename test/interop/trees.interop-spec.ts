import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { StockFleet } from '../support/clients/stock-fleet.js';
import { freshBytes } from '../support/content.js';
import { treePicture } from '../support/tree-picture.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const NAME = 'tree';
const TIMEOUT_MS = 60_000;

/** A build as they are: deep folders, an executable, links, empty files, odd lengths, one big file. */
async function makeTree(fleet: StockFleet): Promise<string> {
  const made = await fleet.sandbox.tree({
    'bin/server': { content: freshBytes(300 * KIB + 5), mode: 0o755 },
    'bin/tool': { content: '#!/bin/sh\n', mode: 0o755 },
    'lib/a/b/c/deep.so': freshBytes(64 * KIB),
    'lib/one-byte': 'x',
    'lib/empty': '',
    'share/block': freshBytes(16 * KIB),
    'share/piece-and-a-byte': freshBytes(64 * KIB + 1),
    'share/data': freshBytes(12 * MIB + 3),
    'ünïcode/größe.txt': 'grüße\n',
  });
  symlinkSync('server', join(made, 'bin/current'));
  symlinkSync('../../share/data', join(made, 'lib/a/data'));
  // A tree has the name of its app in the torrent, and so in the folder of a seed.
  const root = join(await fleet.sandbox.folder('source'), NAME);
  renameSync(made, root);
  return root;
}

describe.each(['v2', 'hybrid'])('a %s tree and libtorrent', (format) => {
  let fleet: StockFleet;
  let root: string;
  let published: Awaited<ReturnType<StockFleet['publish']>>;

  afterEach(() => fleet.stopClients());
  afterAll(() => fleet.close());

  /** A tree is a v2 one unless it is pushed as a hybrid, with pads between its files (BEP 47). */
  function publish() {
    const push = format === 'hybrid' ? ['--format', 'hybrid'] : [];
    return fleet.publish(root, { push });
  }

  describe('downloading from the origin', () => {
    beforeAll(async () => {
      fleet = await StockFleet.start('--peer-access', 'announced');
      root = await makeTree(fleet);
      published = await publish();
    });

    it('gets everything as it was pushed', { timeout: 2 * TIMEOUT_MS }, async () => {
      const { client, folder } = await fleet.download('libtorrent', published);
      const progress = await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
      expect(progress.wasted).toBe(0);
      expect(treePicture(join(folder, NAME))).toEqual(treePicture(root));
    });
  });

  describe('as the only seed', () => {
    beforeAll(async () => {
      await fleet.close();
      const silent = ['--roles', 'api,tracker,work'];
      fleet = await StockFleet.start('--peer-access', 'announced', ...silent);
      root = await makeTree(fleet);
      published = await publish();
    });

    it('gives our pull the whole tree', { timeout: 2 * TIMEOUT_MS }, async () => {
      const folder = join(root, '..');
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      await fleet.seed('libtorrent', { ...published, folder }, signal);
      const out = await fleet.sandbox.folder('pulled');
      const done = await fleet.pull(published.reference, out);
      expect(treePicture(join(out, NAME))).toEqual(treePicture(root));
      expect(done).toMatchObject({ fromOrigin: 0, fromPeers: done.bytes });
    });
  });
});
