import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  FleetseedError,
  type ChannelState,
  type Import,
  type Job,
  type Page,
  type Problem,
  type StartImport,
} from '#lib/contracts';
import { MemoryDepot } from '#lib/depot';
import { parseMetainfo } from '#lib/torrent';

import { FileServer, sendFile } from '../../../../test/support/file-server.js';
import { inspectDepot } from '../collection/collection.fixture.js';
import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

const MIB = 1024 * 1024;
/** Several parts of 8 MiB. */
const LARGE = noise(20 * MIB + 5, 'large');
const SMALL = noise(70_000, 'small');
const ETAG = '"one"';
const SOON = { timeout: 20_000, interval: 20 };

let server: FileServer;
let origin: TestOrigin;
beforeEach(async () => {
  server = await FileServer.start();
  origin = await TestOrigin.start({
    roles: 'api,tracker,work',
    importHosts: '127.0.0.1',
    importMaxBytes: 30 * MIB,
  });
});
afterEach(async () => {
  await origin.stop();
  await server.stop();
});

function begin<T = Import>(request: Partial<StartImport> = {}, token?: string) {
  const json = { version: '1', from: `${server.url}/build.tgz`, insecureHttp: true, ...request };
  return origin.call<T>('POST', '/apps/web/imports', { json, ...(token ? { token } : {}) });
}

async function ended(id: string): Promise<Import> {
  return vi.waitFor(async () => {
    const { body } = await origin.call<Import>('GET', `/imports/${id}`);
    expect(body.state).not.toBe('open');
    return body;
  }, SOON);
}

async function run(request: Partial<StartImport> = {}): Promise<Import> {
  const { status, body } = await begin(request);
  expect([status, body]).toEqual([202, expect.anything()]);
  return ended(body.import);
}

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Everything left below `uploads/`. */
async function leftovers(): Promise<string[]> {
  const folder = join(origin.folder, 'depot', 'uploads');
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((each) => each.isFile()).map((each) => each.name);
}

describe('an import', () => {
  it.each([
    ['small', SMALL],
    ['large', LARGE],
    ['empty', Buffer.alloc(0)],
  ])('makes just the release that a push of the %s file makes', async (_, file) => {
    server.serve(file, ETAG);
    const imported = await run({ sha256: sha256Of(file), bytes: file.length, channel: 'stable' });
    expect(imported).toMatchObject({
      state: 'done',
      created: true,
      error: null,
      from: `${server.url}/build.tgz`,
      receivedBytes: file.length,
      release: { app: 'web', version: '1', name: 'build.tgz', bytes: file.length },
    });
    const tree = new TestTree({ 'build.tgz': file }, { version: '1', single: true });
    const again = await origin.push('other', tree);
    expect(again.release?.artifact).toBe(imported.release?.artifact);
    const channel = await origin.call<ChannelState>('GET', '/apps/web/channels/stable');
    expect(channel.body).toMatchObject({ version: '1', movedBy: 'admin' });
    expect(await leftovers()).toEqual(expect.not.arrayContaining(['content']));
    const { body: jobs } = await origin.call<Page<Job>>('GET', '/jobs');
    expect(jobs.items.find(({ name }) => name === 'import')).toMatchObject({
      about: 'web@1',
      from: `${server.url}/build.tgz`,
      state: 'done',
      cancellable: false,
    });
    let findings;
    await origin.restart(async () => void (findings = await inspectDepot(origin.folder)));
    expect(findings).toMatchObject({ broken: [] });
  });

  it('takes a file whose length nobody says, with all its hashes', async () => {
    server.answer((_, response) => {
      response.writeHead(200);
      for (let at = 0; at < LARGE.length; at += MIB) response.write(LARGE.subarray(at, at + MIB));
      response.end();
    });
    const imported = await run({ sha256: sha256Of(LARGE) });
    expect(imported).toMatchObject({ state: 'done' });
    const path = `${origin.api}/apps/web/releases/1/torrent?format=hybrid`;
    const headers = { authorization: `Bearer ${origin.admin}` };
    const torrent = Buffer.from(await (await fetch(path, { headers })).arrayBuffer());
    const { v1, pieceLength } = parseMetainfo(torrent);
    const first = createHash('sha1').update(LARGE.subarray(0, pieceLength)).digest();
    expect(v1?.pieces.subarray(0, 20)).toEqual(first);
  });

  it('of a version that is there is no news with the same content, and refused with other', async () => {
    server.serve(SMALL, ETAG);
    const first = await run();
    expect(await run({ name: 'build.tgz' })).toMatchObject({
      created: false,
      release: first.release,
    });
    server.serve(LARGE, '"two"');
    const other = await run();
    expect(other).toMatchObject({
      state: 'failed',
      error: { code: 'VERSION_TAKEN' },
      release: null,
    });
    expect(await leftovers()).toEqual([]);
  });

  it('with a checksum is not fetched twice', async () => {
    server.serve(SMALL, ETAG);
    const request = { sha256: sha256Of(SMALL) };
    await run(request);
    const again = await begin({ ...request });
    expect(again.body).toMatchObject({ state: 'done', created: false });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['other bytes', { sha256: 'ab'.repeat(32) }],
    ['another length', { bytes: 5 }],
  ])('that should have %s fails, and nothing is kept', async (_, request) => {
    for (const [version, file] of Object.entries({ small: SMALL, large: LARGE })) {
      server.serve(file, ETAG);
      const failed = await run({ ...request, version });
      expect(failed).toMatchObject({ state: 'failed', error: { code: 'SOURCE_MISMATCH' } });
    }
    expect(await leftovers()).toEqual([]);
  });

  it('is taken up where it was after a restart, and asks only for what is lacking', async () => {
    server.answer((request, response) => sendFile(request, response, LARGE, ETAG, 9 * MIB));
    const { body } = await begin({ sha256: sha256Of(LARGE) });
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(1), SOON);
    await origin.restart();
    server.requests.length = 0;
    server.serve(LARGE, ETAG);
    expect(await ended(body.import)).toMatchObject({ state: 'done', created: true });
    expect(server.requests[0]?.headers).toMatchObject({
      range: `bytes=${8 * MIB}-`,
      'if-range': ETAG,
    });
  });

  it('whose release is there needs its source no more when it is interrupted before it says so', async () => {
    await origin.stop();
    let interruptions = 0;
    const depot = new Proxy(await MemoryDepot.open(), {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const [key, bytes] = args;
          const isEnd =
            name === 'replaceDocument' &&
            String(key).startsWith('imports/') &&
            /"state":"done"/.test(Buffer.from(bytes as Uint8Array).toString());
          if (!isEnd || interruptions++ > 0) return member.apply(target, args);
          server.serve(noise(9, 'other'), '"two"');
          return Promise.reject(new FleetseedError('DEPOT_UNAVAILABLE', 'as told'));
        };
      },
    });
    origin = await TestOrigin.start(
      { roles: 'api,tracker,work', importHosts: '127.0.0.1' },
      { depot },
    );
    server.serve(SMALL, ETAG);
    const imported = await run();
    expect(interruptions).toBe(2);
    expect(imported).toMatchObject({ state: 'done', created: true, error: null });
    expect(imported.release).toMatchObject({ bytes: SMALL.length });
    expect(server.requests).toHaveLength(1);
  });

  it('begins anew when its source is replaced, and never mixes the two', async () => {
    const other = noise(LARGE.length, 'other');
    server.answer((request, response) => {
      const isFirst = server.requests.length === 1;
      if (isFirst) sendFile(request, response, LARGE, ETAG, 9 * MIB);
      else sendFile(request, response, other, '"two"');
    });
    const imported = await run();
    const tree = new TestTree({ 'build.tgz': other }, { version: '1', single: true });
    expect((await origin.push('other', tree)).release?.artifact).toBe(imported.release?.artifact);
  });

  it('tries again when the source is away', async () => {
    server.answer((request, response) => {
      if (server.requests.length < 3) response.writeHead(503).end();
      else sendFile(request, response, SMALL, ETAG);
    });
    expect(await run()).toMatchObject({ state: 'done' });
  });

  it('is bounded, whatever the source says or does not say', async () => {
    server.answer((_, response) =>
      response.writeHead(200, { 'content-length': 31 * MIB }).write('x'),
    );
    expect(await run()).toMatchObject({ error: { code: 'PAYLOAD_TOO_LARGE' } });
    server.answer((_, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    expect(await run({ version: '2' })).toMatchObject({ error: { code: 'PAYLOAD_TOO_LARGE' } });
    expect(await leftovers()).toEqual([]);
  });

  it('can be cancelled, and stays so', async () => {
    server.answer((request, response) => sendFile(request, response, LARGE, ETAG, 9 * MIB));
    const { body } = await begin();
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(0), SOON);
    const shown = await origin.call<Job>('GET', `/jobs/${body.job}`);
    expect(shown.body).toMatchObject({ cancellable: true });
    expect((await origin.call('DELETE', `/imports/${body.import}`)).status).toBe(204);
    expect(await ended(body.import)).toMatchObject({ state: 'cancelled' });
    await vi.waitFor(async () => {
      expect((await origin.call<Job>('GET', `/jobs/${body.job}`)).body.state).toBe('cancelled');
      // Hashes of a part that was on its way may come last of all, and are swept.
      expect((await leftovers()).filter((name) => !/^\d+-/.test(name))).toEqual([]);
    }, SOON);
    server.requests.length = 0;
    await origin.restart();
    expect(await ended(body.import)).toMatchObject({ state: 'cancelled' });
    expect(server.requests).toEqual([]);
    server.serve(LARGE, ETAG);
    expect(await run()).toMatchObject({ state: 'done' });
  });
});

describe('the list of imports', () => {
  const list = async (path: string, token?: string) =>
    (await origin.call<Page<Import>>('GET', path, token ? { token } : {})).body;

  it('has the newest first, page by page, and of an app its own', async () => {
    server.serve(SMALL, ETAG);
    for (const version of ['1', '2', '3']) await run({ version });
    const other = { version: '9', from: `${server.url}/other.tgz`, insecureHttp: true };
    const { body } = await origin.call<Import>('POST', '/apps/other/imports', { json: other });
    await ended(body.import);
    const first = await list('/imports?limit=3');
    expect(first.items.map(({ app, version }) => app + version)).toEqual([
      'other9',
      'web3',
      'web2',
    ]);
    expect(first.items[1]).toMatchObject({ state: 'done', release: { version: '3' } });
    const after = encodeURIComponent(first.next!);
    const second = await list(`/imports?limit=3&after=${after}`);
    expect(second).toMatchObject({ items: [{ app: 'web', version: '1' }], next: null });
    const ofApp = await list('/apps/other/imports');
    expect(ofApp).toMatchObject({ items: [{ app: 'other' }], next: null });
  });

  it('shows nobody what others import', async () => {
    server.serve(SMALL, ETAG);
    await run();
    const mine = await origin.token('app:web:push');
    expect((await list('/imports', mine.secret)).items).toHaveLength(1);
    const others = await origin.token('app:other:push');
    expect(await list('/imports', others.secret)).toEqual({ items: [], next: null });
    const refused = await origin.call('GET', '/apps/web/imports', { token: others.secret });
    expect(refused.status).toBe(403);
    const reader = await origin.token('fleet:read');
    expect((await origin.call('GET', '/imports', { token: reader.secret })).status).toBe(403);
  });
});

describe('who may import what', () => {
  it('needs the right to push the app, and to move the channel', async () => {
    server.serve(SMALL, ETAG);
    const { secret: other } = await origin.token('app:other:push', 'app:web:read');
    expect(await begin({}, other)).toMatchObject({ status: 403 });
    const { secret } = await origin.token('app:web:push');
    expect(await begin({ channel: 'stable' }, secret)).toMatchObject({ status: 403 });
    const { status, body } = await begin({}, secret);
    expect(status).toBe(202);
    const path = `/imports/${body.import}`;
    expect(await origin.call('GET', path, { token: other })).toMatchObject({ status: 403 });
    expect(await origin.call('DELETE', path, { token: other })).toMatchObject({ status: 403 });
    expect(await ended(body.import)).toMatchObject({ state: 'done' });
  });

  it.each([
    ['http://127.0.0.2/x', 403, 'SOURCE_REFUSED'],
    ['https://169.254.169.254/latest/meta-data', 403, 'SOURCE_REFUSED'],
    ['s3://bucket/key', 403, 'SOURCE_REFUSED'],
    ['file:///etc/passwd', 400, 'REQUEST_INVALID'],
  ])('may not import %s', async (from, status, code) => {
    expect(await begin<Problem>({ from })).toMatchObject({ status, body: { code } });
  });

  it('may have a password in the URL, which is nowhere to be seen', async () => {
    server.serve(SMALL, ETAG);
    const from = `http://ci:hunter2@127.0.0.1:${server.port}/build.tgz?token=s3cr3t`;
    const { body } = await begin({ from });
    const done = await ended(body.import);
    expect(done.state).toBe('done');
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('ci:hunter2')}`);
    const jobs = await origin.call('GET', '/jobs');
    expect(JSON.stringify([body, done, jobs.body])).not.toMatch(/hunter2|s3cr3t/);
    let left = '';
    await origin.restart(async () => {
      left = await readFile(join(origin.folder, 'depot', 'imports', `${body.import}.json`), 'utf8');
    });
    expect(left).not.toMatch(/hunter2|s3cr3t/);
  });
});
