import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PART_ROOT_HEADER, type Problem, type Release, type Upload } from '#lib/contracts';
import { BLOCK_LENGTH, buildMetainfo, leafHashesOf, parseMetainfo, pieceRoot } from '#lib/torrent';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

const MIB = 1024 * 1024;
let origin: TestOrigin;

beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.stop());

function small(version: string, extra = ''): TestTree {
  return new TestTree(
    {
      'bin/run': noise(70_000, `run${extra}`),
      'etc/empty': Buffer.alloc(0),
      'etc/a': noise(10, 'a'),
    },
    { version },
  );
}

describe('push', () => {
  it('publishes a tree of large and small files as the metainfo that its client computes', async () => {
    const files = {
      'big.bin': noise(9 * MIB + 5, 'big'),
      'bin/run': noise(300_000, 'run'),
      'bin/copy': noise(300_000, 'run'),
      empty: Buffer.alloc(0),
    };
    const tree = new TestTree(files, { version: '1', pieceLength: 65_536 });
    const upload = await origin.push('mixed', tree);
    const expected = buildMetainfo({
      name: 'tree',
      single: false,
      format: 'v2',
      pieceLength: 65_536,
      files: Object.entries(files).map(([path, bytes]) => ({
        path: path.split('/'),
        length: bytes.length,
        leafHashes: leafHashesOf(bytes),
      })),
    });
    expect(upload).toMatchObject({ state: 'published', progress: 1, error: null });
    expect(upload.release).toMatchObject({
      app: 'mixed',
      version: '1',
      artifact: expected.infoHashV2?.toString('hex'),
      infoHashV1: null,
      files: 4,
      bytes: 9 * MIB + 5 + 600_000,
      createdBy: 'admin',
    });
    const stored = await origin.call<Release>('GET', '/apps/mixed/releases/1');
    expect(stored.body).toEqual(upload.release);
  });

  it.each(['v2', 'hybrid'] as const)(
    'publishes a single %s file with the right hashes',
    async (format) => {
      const bytes = noise(20 * MIB + 1, 'single');
      const tree = new TestTree({ 'build.tgz': bytes }, { version: format, single: true, format });
      const upload = await origin.push('single', tree);
      const metainfo = await torrentOf('single', format, format);
      expect(metainfo.infoHashV2?.toString('hex')).toBe(upload.release?.artifact);
      expect(metainfo.single).toBe(true);
      const sha1 = createHash('sha1').update(bytes.subarray(0, metainfo.pieceLength)).digest();
      expect(metainfo.v1?.pieces.subarray(0, 20)).toEqual(format === 'hybrid' ? sha1 : undefined);
    },
  );

  it('reads content back for the v1 view of a hybrid tree, and for content that was known', async () => {
    const tree = (version: string, format: 'v2' | 'hybrid') =>
      new TestTree(
        { a: noise(100_000, 'a'), b: noise(2 * MIB, 'b') },
        { version, format, pieceLength: 65_536 },
      );
    await origin.push('hybrid-tree', tree('1', 'v2'));
    const again = await origin.push('hybrid-tree', tree('2', 'hybrid'));
    expect(again).toMatchObject({ state: 'published', knownBytes: again.bytes });
    const metainfo = await torrentOf('hybrid-tree', '2', 'hybrid');
    const first = createHash('sha1').update(noise(100_000, 'a').subarray(0, 65_536)).digest();
    expect(metainfo.v1?.pieces.subarray(0, 20)).toEqual(first);
  });

  it('publishes a tree without a byte in it', async () => {
    const tree = new TestTree({ nothing: Buffer.alloc(0) }, { version: '1' });
    expect(await origin.push('empty', tree)).toMatchObject({ state: 'published', bytes: 0 });
  });

  it('sends only what is new to the app', async () => {
    await origin.push('delta', small('1'));
    const begun = await start('delta', small('2', 'changed'));
    expect(begun.body.objects).toHaveLength(1);
    expect(begun.body).toMatchObject({ knownBytes: 10, bytes: 70_010 });
  });

  it('is quick to say that a version is there with this content', async () => {
    const first = await origin.push('again', small('1'));
    const again = await start('again', small('1'));
    expect(again.body).toMatchObject({ state: 'published', objects: [], release: first.release });
  });

  it('refuses other content for a version, naming the winner', async () => {
    const first = await origin.push('taken', small('1'));
    const other = await start<Problem>('taken', small('1', 'other'));
    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({
      code: 'VERSION_TAKEN',
      facts: { artifact: first.release?.artifact },
    });
  });

  it('lets one of two racing uploads of a version win', async () => {
    const [one, two] = await Promise.all([
      origin.push('race', small('1', 'one')),
      origin.push('race', small('1', 'two')),
    ]);
    expect([one.state, two.state].toSorted()).toEqual(['failed', 'published']);
    const loser = one.state === 'failed' ? one : two;
    expect(loser.error).toMatchObject({ code: 'VERSION_TAKEN' });
  });
});

describe('parts', () => {
  it('resume: what was received is not asked for again, also after a restart', async () => {
    const tree = new TestTree({ big: noise(20 * MIB, 'resume') }, { version: '1' });
    const begun = (await start('resume', tree)).body;
    const [object] = begun.objects;
    const first = tree.bytesOf(object!).subarray(0, object!.partBytes);
    expect((await origin.sendPart(begun, object!, 0, first)).status).toBe(200);
    expect((await origin.sendPart(begun, object!, 0, first)).status).toBe(200);
    await origin.restart();
    const resumed = (await start('resume', tree)).body;
    expect(resumed).toMatchObject({ upload: begun.upload, receivedBytes: 8 * MIB });
    expect(resumed.objects[0]?.received).toEqual([0]);
    expect(await origin.push('resume', tree)).toMatchObject({ state: 'published' });
  });

  it('with a wrong hash are refused and not kept', async () => {
    const tree = new TestTree({ big: noise(2 * MIB, 'wrong') }, { version: '1' });
    const begun = (await start('wrong', tree)).body;
    const [object] = begun.objects;
    const bytes = tree.bytesOf(object!);
    const digest = createHash('sha256').update('something else').digest('base64');
    const refused = await origin.sendPart(begun, object!, 0, bytes, undefined, digest);
    expect(refused).toMatchObject({ status: 422, body: { code: 'PART_HASH_MISMATCH' } });
    const short = await origin.sendPart(begun, object!, 0, bytes.subarray(1));
    expect(short).toMatchObject({ status: 422, body: { code: 'PART_INVALID' } });
    const lost = await origin.sendPart(begun, { object: 'f77' }, 0, bytes);
    expect(lost).toMatchObject({ status: 422, body: { code: 'PART_INVALID' } });
    const now = await origin.call<Upload>('GET', `/uploads/${begun.upload}`);
    expect(now.body.objects[0]?.received).toEqual([]);
  });

  it('of a file that has several may name their Merkle root instead of a digest', async () => {
    const tree = new TestTree({ big: noise(20 * MIB, 'roots') }, { version: '1' });
    const begun = (await start('roots', tree)).body;
    const [object] = begun.objects;
    const { partBytes } = object!;
    const send = (part: number, body: Buffer, claimed = body) => {
      const root = pieceRoot(leafHashesOf(claimed), partBytes / BLOCK_LENGTH).toString('hex');
      const path = `/uploads/${begun.upload}/objects/${object!.object}/parts/${part}`;
      const headers = { [PART_ROOT_HEADER]: root };
      return origin.call('PUT', path, { body: Uint8Array.from(body), headers });
    };
    const bytes = tree.bytesOf(object!);
    const parts = [0, 1, 2].map((part) => bytes.subarray(part * partBytes, (part + 1) * partBytes));
    const damaged = Buffer.from(parts[2]!);
    damaged[damaged.length - 1]! ^= 1;
    expect(await send(2, damaged, parts[2])).toMatchObject({
      status: 422,
      body: { code: 'PART_HASH_MISMATCH' },
    });
    const path = `/uploads/${begun.upload}/objects/${object!.object}/parts/0`;
    for (const headers of [{}, { [PART_ROOT_HEADER]: 'no root' }]) {
      const unclaimed = await origin.call('PUT', path, {
        body: Uint8Array.from(parts[0]!),
        headers,
      });
      expect(unclaimed).toMatchObject({ status: 422, body: { code: 'PART_INVALID' } });
    }
    const now = await origin.call<Upload>('GET', `/uploads/${begun.upload}`);
    expect(now.body.objects[0]?.received).toEqual([]);
    for (const [part, body] of parts.entries()) expect((await send(part, body)).status).toBe(200);
    expect(await origin.push('roots', tree)).toMatchObject({ state: 'published' });
  });

  it('that are not the declared file are refused at once, or when they are all there', async () => {
    const tree = new TestTree(
      { one: noise(2 * MIB, 'x'), two: noise(17 * MIB, 'y') },
      { version: '1' },
    );
    const begun = (await start('root', tree)).body;
    const [one, two] = begun.objects;
    const alone = await origin.sendPart(begun, one!, 0, noise(2 * MIB, 'not x'));
    expect(alone).toMatchObject({ status: 422, body: { code: 'ROOT_MISMATCH' } });
    await origin.sendObject(begun, one!, tree);
    const bytes = tree.bytesOf(two!);
    bytes[3]! ^= 1;
    for (const part of [0, 1, 2]) {
      const body = bytes.subarray(part * two!.partBytes, (part + 1) * two!.partBytes);
      expect((await origin.sendPart(begun, two!, part, body)).status).toBe(200);
    }
    await origin.call('POST', `/uploads/${begun.upload}/complete`);
    expect(await origin.ended(begun.upload)).toMatchObject({
      state: 'failed',
      error: { code: 'ROOT_MISMATCH' },
    });
    bytes[3]! ^= 1;
    // Only what was wrong is asked for again.
    const restarted = (await start('root', tree)).body;
    expect(restarted.objects.map(({ object }) => object)).toEqual(['f1']);
    expect(await origin.push('root', tree)).toMatchObject({ state: 'published' });
  });

  it('that are refused half-way get their answer, and the connection lives on', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [`f${index}`, noise(MIB - 1, `pack ${index}`)]),
    );
    const tree = new TestTree(files, { version: '1' });
    const begun = (await start('half-way', tree)).body;
    const [pack] = begun.objects;
    const bytes = tree.bytesOf(pack!);
    bytes[0]! ^= 1;
    const refused = await origin.sendPart(begun, pack!, 0, bytes);
    expect(refused).toMatchObject({ status: 422, body: { code: 'ROOT_MISMATCH' } });
    const path = `/uploads/${begun.upload}/objects/${pack!.object}/parts/0`;
    const long = new Blob([Uint8Array.from(bytes), 'and more']).stream();
    const headers = { 'content-digest': `sha-256=:${'A'.repeat(43)}=:` };
    bytes[0]! ^= 1;
    expect(await origin.call('PUT', path, { body: long, headers })).toMatchObject({ status: 422 });
    const stranger = { token: null, body: Uint8Array.from(bytes), headers };
    expect(await origin.call('PUT', path, stranger)).toMatchObject({ status: 401 });
    expect((await origin.sendPart(begun, pack!, 0, bytes)).status).toBe(200);
  });

  it('have to be there before an upload is complete', async () => {
    const begun = (await start('incomplete', small('1'))).body;
    const early = await origin.call<Problem>('POST', `/uploads/${begun.upload}/complete`);
    expect(early).toMatchObject({
      status: 409,
      body: { code: 'UPLOAD_INCOMPLETE', facts: { lacking: 1 } },
    });
  });
});

describe('an upload', () => {
  it('refuses trees that no target could restore', async () => {
    const files = [{ path: ['..', 'etc'], length: 0, root: null, executable: false }];
    const tree = new TestTree({}, { files });
    const refused = await start<Problem>('paths', tree);
    expect(refused).toMatchObject({ status: 400, body: { code: 'METAINFO_PATH_INVALID' } });
    const odd = new TestTree(
      {},
      { files: [{ path: ['a'], length: 5, root: null, executable: false }] },
    );
    expect(await start('paths', odd)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
    const form = await origin.call('POST', '/apps/paths/uploads', { json: { version: '1' } });
    expect(form).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  });

  it('is gone when it was dropped', async () => {
    const begun = (await start('drop', small('1'))).body;
    expect((await origin.call('DELETE', `/uploads/${begun.upload}`)).status).toBe(204);
    const gone = await origin.call('GET', `/uploads/${begun.upload}`);
    expect(gone).toMatchObject({ status: 404, body: { code: 'UPLOAD_NOT_FOUND' } });
  });

  it('that is not there has no events either', async () => {
    const lost = await origin.call('GET', `/uploads/${'0'.repeat(32)}/events`);
    expect(lost).toMatchObject({ status: 404, body: { code: 'UPLOAD_NOT_FOUND' } });
  });

  it('belongs to those who may push the app', async () => {
    const begun = (await start('mine', small('1'))).body;
    const other = await origin.token('app:other:push');
    const refused = await origin.call('GET', `/uploads/${begun.upload}`, { token: other.secret });
    expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });

  it('does not tell a token what other apps are made of', async () => {
    const tree = (version: string) =>
      new TestTree({ secret: noise(3 * MIB, 'secret'), tiny: noise(20, 't') }, { version });
    await origin.push('private', tree('1'));
    const token = await origin.token('app:curious:push');
    const begun = await start('curious', tree('1'), token.secret);
    expect(begun.body.knownBytes).toBe(0);
    const both = await origin.token('app:curious:push', 'app:private:read');
    expect((await start('curious', tree('2'), both.secret)).body.knownBytes).toBe(3 * MIB);
  });
});

describe('curl -T', () => {
  it('publishes one file in one request, of known or unknown length', async () => {
    const bytes = noise(3 * MIB + 1, 'curl');
    const path = '/apps/curl/releases/1/content?name=build.tgz';
    const first = await origin.call<Release>('PUT', path, { body: Uint8Array.from(bytes) });
    expect(first).toMatchObject({ status: 201, body: { name: 'build.tgz', single: true } });
    const streamed = new Blob([Uint8Array.from(bytes)]).stream();
    const second = await origin.call<Release>('PUT', path, { body: streamed });
    expect(second).toMatchObject({ status: 200, body: first.body });
    const other = await origin.call('PUT', path, { body: Uint8Array.from([1, 2, 3]) });
    expect(other).toMatchObject({ status: 409, body: { code: 'VERSION_TAKEN' } });
    const tree = new TestTree({ 'build.tgz': bytes }, { version: '1', single: true });
    expect((await start('curl', tree)).body.release).toEqual(first.body);
  });

  it('moves the channel it names, if the token may', async () => {
    const token = await origin.token('app:curl2:push');
    const path = '/apps/curl2/releases/1/content?name=a&channel=stable';
    const refused = await origin.call('PUT', path, { token: token.secret, body: 'abc' });
    expect(refused.status).toBe(403);
    expect((await origin.call('PUT', path, { body: 'abc' })).status).toBe(201);
    const channel = await origin.call('GET', '/apps/curl2/channels/stable');
    expect(channel.body).toMatchObject({ version: '1', sequence: 1 });
  });
});

async function start<T = Upload>(app: string, tree: TestTree, token?: string) {
  const options = token === undefined ? {} : { token };
  return origin.call<T>('POST', `/apps/${app}/uploads`, { ...options, json: tree.request });
}

async function torrentOf(app: string, version: string, format: 'v2' | 'hybrid') {
  const path = `/apps/${app}/releases/${version}/torrent?format=${format}`;
  const answer = await fetch(origin.api + path, {
    headers: { authorization: `Bearer ${origin.admin}` },
  });
  return parseMetainfo(Buffer.from(await answer.arrayBuffer()));
}
