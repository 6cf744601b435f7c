import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { systemClock, systemRandom } from '#lib/runtime';
import { HashPool, MemoryStore, Session, WebSeedClient } from '#lib/swarm';
import { parseMetainfo } from '#lib/torrent';

import { startNginx, type Nginx } from '../support/clients/nginx.js';
import { StockFleet } from '../support/clients/stock-fleet.js';
import { freshBytes, sha512Of } from '../support/content.js';
import { runFleetseed } from '../support/processes.js';
import { Sandbox } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIMEOUT_MS = 90_000;

describe('nginx as the web seed of a download of ours', () => {
  let sandbox: Sandbox;
  let nginx: Nginx;
  let content: string;

  beforeAll(async () => {
    sandbox = await Sandbox.create('fleetseed-nginx');
    content = await sandbox.folder('content');
    nginx = await startNginx(content);
  });
  afterAll(async () => {
    await nginx.stop();
    await sandbox.close();
  });

  async function download(root: string, format: string): Promise<Buffer> {
    const torrentFile = sandbox.path('made.torrent');
    const made = await runFleetseed([
      'torrent',
      'create',
      root,
      '--out',
      torrentFile,
      '--format',
      format,
    ]);
    expect(made.exit).toBe(0);
    const metainfo = parseMetainfo(await readFile(torrentFile));
    const hasher = new HashPool({ threads: 1 });
    const session = new Session({ hasher });
    try {
      const doors = { clock: systemClock, random: systemRandom };
      const store = new MemoryStore(metainfo.length);
      const torrent = session.add({
        metainfo,
        store,
        webSeeds: [new WebSeedClient({ ...doors, url: nginx.url, layout: metainfo })],
        timeouts: { floorMs: 0 },
      });
      await torrent.done;
      expect(torrent.stats().bytes.fromWebSeed).toBe(metainfo.length);
      const bytes = Buffer.alloc(metainfo.length);
      await store.read(0, bytes);
      return bytes;
    } finally {
      await session.close();
      await hasher.close();
    }
  }

  it('gives one file', { timeout: TIMEOUT_MS }, async () => {
    const bytes = freshBytes(3 * MIB + 7);
    await writeFile(join(content, 'one file+1.bin'), bytes);
    const got = await download(join(content, 'one file+1.bin'), 'hybrid');
    expect(got.equals(bytes)).toBe(true);
    expect((await nginx.requests()).every((line) => line.endsWith(' 206'))).toBe(true);
  });

  for (const format of ['v2', 'hybrid']) {
    it(`gives a ${format} tree, and is never asked for pads`, { timeout: TIMEOUT_MS }, async () => {
      const root = join(content, `a tree ${format}`);
      const files = new Map([
        ['a/100% #1?.txt', freshBytes(70 * KIB)],
        ['a/ünï code', freshBytes(5)],
        ['b', freshBytes(2 * MIB + 1)],
      ]);
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), bytes);
      }
      const got = await download(root, format);
      expect(got.equals(Buffer.concat([...files.values()]))).toBe(true);
      expect((await nginx.requests()).filter((line) => line.includes('.pad'))).toEqual([]);
    });
  }
});

describe('our web seed and stock clients', () => {
  let fleet: StockFleet;

  beforeAll(async () => {
    // The seeder lets members in only: what they get they get over HTTP.
    fleet = await StockFleet.start('--peer-access', 'members');
  });
  afterEach(() => fleet.stopClients());
  afterAll(() => fleet.close());

  for (const name of ['aria2', 'libtorrent', 'transmission'] as const) {
    it(`gives ${name} a file`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const release = await fleet.release(`${name}.tar`, freshBytes(5 * MIB + 3), '--web-seed');
      const { client, folder } = await fleet.download(name, release);
      await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
      expect(await sha512Of(join(folder, release.name))).toBe(release.sha512);
      const { originByReason } = await fleet.account();
      expect(originByReason['web-seed']).toBeGreaterThanOrEqual(release.bytes);
    });
  }

  it('gives libtorrent a tree', { timeout: 2 * TIMEOUT_MS }, async () => {
    const made = await fleet.sandbox.tree({
      'a/100% #1?.txt': freshBytes(70 * KIB),
      'a/ünï code': freshBytes(5),
      b: freshBytes(2 * MIB + 1),
    });
    const published = await fleet.publish(made, { get: ['--web-seed'] });
    const { client, folder } = await fleet.download('libtorrent', published);
    await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
    const { name } = parseMetainfo(await readFile(published.torrentFile));
    expect(treePicture(join(folder, name))).toEqual(treePicture(made));
  });
});
