import { readFile, writeFile } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { parseMetainfo, withAnnounce } from '#lib/torrent';

import type { StockClient } from '../support/clients/client.types.js';
import { startClient } from '../support/clients/start-client.js';
import { freshBytes, sha512Of } from '../support/content.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const NAME = 'build.bin';
const LENGTH = 3_000_001;
const TIMEOUT_MS = 60_000;

/**
 * libtorrent with no way to a peer but our tracker over UDP: the torrents are private and name nothing
 * else, so what it finds it was told there.
 */
describe('libtorrent and the UDP tracker', () => {
  let sandbox: Sandbox;
  let origin: OriginProcess;
  let torrent: Buffer;
  let udpUrl: string;
  let hash: string;
  const running: StockClient[] = [];

  beforeAll(async () => {
    sandbox = await Sandbox.create('fleetseed-udp');
    const args = ['--udp-tracker', '127.0.0.1:0', '--peer-access', 'announced'];
    origin = await sandbox.origin(undefined, { args });
    const tree = await sandbox.tree({ [NAME]: freshBytes(LENGTH) });
    hash = await sha512Of(`${tree}/${NAME}`);
    await origin.json('push', `${tree}/${NAME}`, '--app', 'web', '--version', '1');
    const out = sandbox.path('web.torrent');
    await origin.json('torrent', 'get', 'web@1', '--out', out);
    torrent = await readFile(out);
    udpUrl = parseMetainfo(torrent)
      .announce.flat()
      .find((url) => url.startsWith('udp:'))!;
  });
  afterEach(() => Promise.all(running.splice(0).map((client) => client.stop())));
  afterAll(() => sandbox.close());

  async function download(url: string): Promise<{ client: StockClient; folder: string }> {
    const folder = await sandbox.folder('libtorrent');
    const torrentFile = `${folder}.torrent`;
    await writeFile(torrentFile, withAnnounce(torrent, [[url]]));
    const client = await startClient('libtorrent', { mode: 'download', folder, torrentFile });
    running.push(client);
    return { client, folder };
  }

  it('is told of the origin, which lets it in for its announce, and has all of it', async () => {
    const ready = await origin.service.event('ready');
    expect(udpUrl).toContain(`${String(ready['udpTracker'])}/announce/k.`);
    const { client, folder } = await download(udpUrl);
    await client.whenComplete(AbortSignal.timeout(TIMEOUT_MS));
    expect(await sha512Of(`${folder}/${NAME}`)).toBe(hash);
    expect(client.log()).toMatch(/tracker_reply: .*udp:.* received peers: 1/);
  });

  it('is refused with a wrong key, at once', async () => {
    const { client } = await download(udpUrl.replace(/k\.[^/]+/, 'k.wrong'));
    // It takes the answer for a failure, and shows nothing of its text (2.0 reads it from the head on).
    const refusal = /tracker_error: .* tracker sent a failure message/;
    await until('the refusal', () => refusal.test(client.log()));
    expect((await client.progress()).peers).toBe(0);
  });
});
