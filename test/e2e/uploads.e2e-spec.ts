import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Release } from '#lib/contracts';

import { callApi } from '../support/origin-api.js';
import { RawUpload } from '../support/raw-upload.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

async function published(upload: RawUpload): Promise<Release> {
  return until('the release is published', async () => {
    const { state, error } = await upload.look();
    if (state === 'failed') throw new Error(JSON.stringify(error));
    return state === 'published' && (await upload.release());
  });
}

/** Parts of files that the depot keeps: the hashes of each are written before it counts. */
function partsOnDisk(data: string): string[] {
  const folder = `${data}/depot/uploads`;
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => /\/hashes\/f0-\w+\/\d+-\w+$/.test(path));
}

describe('a part that is not what it claims', () => {
  it('is refused, leaves nothing, and can be sent again', async () => {
    const upload = new RawUpload(origin, 'web', 'part', randomBytes(20 * MIB));
    await upload.start();
    const wrong = Buffer.from(upload.partOf(1));
    wrong[12_345]! ^= 1;

    // The header is right for the content, the bytes are not.
    const digest = createHash('sha256').update(upload.partOf(1)).digest();
    const hash = await upload.sendPart(1, wrong, { digest });
    expect(`${hash.status} ${hash.body.code}`).toBe('422 PART_HASH_MISMATCH');
    const length = await upload.sendPart(1, upload.partOf(1).subarray(1));
    expect(`${length.status} ${length.body.code}`).toBe('422 PART_INVALID');
    const none = await upload.sendPart(7);
    expect(none.body.code).toBe('PART_INVALID');
    expect(await upload.received()).toEqual([]);
    expect(partsOnDisk(origin.data)).toEqual([]);

    expect((await upload.complete()).body).toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    expect(await upload.release()).toBeNull();

    for (let part = 0; part < upload.partCount; part++) {
      expect((await upload.sendPart(part)).status).toBe(200);
    }
    // Sending one again changes nothing.
    expect((await upload.sendPart(0)).status).toBe(200);
    await upload.complete();
    expect((await published(upload)).bytes).toBe(20 * MIB);
  });

  it('is refused when it has the right hash of other content than was declared', async () => {
    const upload = new RawUpload(origin, 'web', 'root', randomBytes(3 * MIB));
    await upload.start();
    const { status, body } = await upload.sendPart(0, randomBytes(3 * MIB));
    expect(`${status} ${body.code}`).toBe('422 ROOT_MISMATCH');
    expect(await upload.received()).toEqual([]);
    expect((await upload.sendPart(0)).status).toBe(200);
    await upload.complete();
    expect(await published(upload)).toMatchObject({ version: 'root' });
  });

  it('is refused at the end when only all parts together show that it is wrong', async () => {
    const upload = new RawUpload(origin, 'web', 'whole', randomBytes(20 * MIB));
    await upload.start();
    await upload.sendPart(0);
    await upload.sendPart(1, randomBytes(upload.partOf(1).length));
    await upload.sendPart(2);
    const completed = await upload.complete();
    const failed =
      completed.status === 200
        ? await until('the upload fails', async () => {
            const { state, error } = await upload.look();
            return state === 'failed' && error;
          })
        : completed.body;
    expect(failed).toMatchObject({ code: 'ROOT_MISMATCH' });
    expect(await upload.release()).toBeNull();
    // Starting again gives an upload that takes the right content.
    await upload.start();
    for (let part = 0; part < upload.partCount; part++) await upload.sendPart(part);
    await upload.complete();
    expect(await published(upload)).toMatchObject({ version: 'whole' });
  });
});

describe('a declared tree that no target may unpack', () => {
  it.each([
    ['..', ['..', 'etc', 'passwd']],
    ['a slash in a name', ['a/../../b']],
    ['an absolute name', ['/etc/passwd']],
    ['a dot', ['a', '.']],
    ['a zero byte', ['a\0b']],
  ])('is refused: %s', async (_, path) => {
    const { request } = new RawUpload(origin, 'web', 'hostile', randomBytes(2 * MIB));
    const json = { ...request, single: false, format: 'v2', name: 'web' };
    const files = [{ ...request.files[0], path }];
    const told = await callApi(origin, 'POST', '/api/v1/apps/web/uploads', {
      json: { ...json, files },
    });
    expect(told.status).toBe(400);
    expect(['METAINFO_PATH_INVALID', 'REQUEST_INVALID']).toContain(told.body.code);
  });

  it('is refused: a link that leaves the tree', async () => {
    const { request } = new RawUpload(origin, 'web', 'hostile', randomBytes(2 * MIB));
    const link = { path: ['link'], length: 0, root: null, symlink: ['..', 'etc'] };
    const told = await callApi(origin, 'POST', '/api/v1/apps/web/uploads', {
      json: { ...request, single: false, format: 'v2', name: 'web', files: [link] },
    });
    expect(told.status).toBeGreaterThanOrEqual(400);
    expect(told.status).toBeLessThan(500);
  });
});

describe('curl -T', () => {
  const at = (version: string, more = '') =>
    `/api/v1/apps/curl/releases/${version}/content?name=build.tgz${more}`;

  it('publishes, moves the channel, repeats, and names what is there already', async () => {
    const body = randomBytes(5 * MIB);
    const first = await callApi<Release>(origin, 'PUT', at('1', '&channel=stable'), { body });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ app: 'curl', version: '1', name: 'build.tgz' });
    expect((await origin.json('channel', 'show', 'curl@stable'))['version']).toBe('1');
    const again = await callApi<Release>(origin, 'PUT', at('1'), { body });
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    const other = await callApi(origin, 'PUT', at('1'), { body: randomBytes(100) });
    expect(`${other.status} ${other.body.code}`).toBe('409 VERSION_TAKEN');
    expect(JSON.stringify(other.body)).toContain(first.body.artifact);
  });

  it('that is cut off publishes nothing and leaves the version free', async () => {
    const { hostname, port } = new URL(origin.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const head = [
      `PUT ${at('2')} HTTP/1.1`,
      'Host: origin',
      `Authorization: Bearer ${origin.adminToken}`,
      `Content-Length: ${4 * MIB}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(randomBytes(2 * MIB));
    await pause(50);
    socket.destroy();
    const shown = await callApi(origin, 'GET', '/api/v1/apps/curl/releases/2');
    expect(shown.body.code).toBe('VERSION_NOT_FOUND');
    const answer = await callApi(origin, 'PUT', at('2'), { body: randomBytes(MIB) });
    expect(answer.status).toBe(201);
  });
});

describe('an origin that is killed', () => {
  it('mid-upload keeps every part that it acknowledged', async () => {
    const data = await sandbox.folder('origin');
    let own = await sandbox.origin(data);
    const upload = new RawUpload(own, 'cut', '1', randomBytes(72 * MIB));
    await upload.start();
    const acknowledged = new Set<number>();
    for (let kill = 0; kill < 4; kill++) {
      const unsaid = [...Array(upload.partCount).keys()].filter((n) => !acknowledged.has(n));
      const sending = unsaid.map(async (part) => {
        const { status } = await upload.sendPart(part).catch(() => ({ status: 0 }));
        if (status === 200) acknowledged.add(part);
      });
      // After a few acknowledgements, and while others are on their way.
      await Promise.race([Promise.all(sending), pause(30 + 40 * kill)]);
      await own.service.kill();
      await Promise.all(sending);
      upload.origin = own = await sandbox.origin(data);
      expect(await upload.release()).toBeNull();
      expect(await upload.received()).toEqual(expect.arrayContaining([...acknowledged]));
    }
    const received = await upload.received();
    const lacking = [...Array(upload.partCount).keys()].filter((n) => !received.includes(n));
    for (const part of lacking) await upload.sendPart(part);
    await upload.complete();
    expect(await published(upload)).toMatchObject({ bytes: 72 * MIB });
  });

  it('mid-publish publishes in the end, and keeps what it said is published', async () => {
    const data = await sandbox.folder('origin');
    let own = await sandbox.origin(data);
    const releases: Release[] = [];
    for (let kill = 0; kill < 6; kill++) {
      const upload = new RawUpload(own, 'cut', `${kill}`, randomBytes(12 * MIB));
      await upload.start();
      for (let part = 0; part < upload.partCount; part++) await upload.sendPart(part);
      const completing = upload.complete().catch(() => null);
      await pause(kill * 8);
      await own.service.kill();
      const answer = await completing;
      upload.origin = own = await sandbox.origin(data);
      // Not acknowledged: the client asks again. Acknowledged: it is done without being asked.
      if (answer?.status !== 200) await upload.complete();
      releases.push(await published(upload));
    }
    for (const release of releases) {
      const path = `/api/v1/apps/cut/releases/${release.version}`;
      const { body } = await callApi<Release>(own, 'GET', path);
      expect(body).toEqual(release);
    }
  });
});

describe('a push that is killed', () => {
  it('is never visible as a release, and the next one sends less', async () => {
    const tree = await sandbox.tree({ big: randomBytes(64 * MIB) });
    const args = ['push', `${tree}/big`, '--app', 'cut', '--version', '1', '--parallel', '1'];
    const running = sandbox.start([...args, '--json'], origin.env);
    await until('two parts are there', () => partsOnDisk(origin.data).length >= 2);
    await running.kill();
    expect((await origin.run(['release', 'show', 'cut@1'])).exit).toBe(4);
    const { bytes, uploadedBytes } = await origin.json<Record<string, number>>(...args);
    expect(bytes).toBe(64 * MIB);
    expect(uploadedBytes).toBeLessThan(64 * MIB);
    expect(uploadedBytes).toBeGreaterThan(0);
  });
});

describe('a depot without room', () => {
  it('says so, keeps nothing of it, goes on reading, and takes more when there is room', async () => {
    const disk = await sandbox.smallDisk(100 * MIB);
    const own = await sandbox.origin(`${disk}/data`);
    const body = randomBytes(8 * MIB);
    const small = await callApi<Release>(own, 'PUT', '/api/v1/apps/a/releases/1/content', { body });
    expect(small.status).toBe(201);

    const filler = `${disk}/filler`;
    const { bavail, bsize } = statfsSync(disk);
    // Room for documents, and not for what comes.
    writeFileSync(filler, Buffer.alloc(bavail * bsize - 6 * MIB));
    const full = await callApi(own, 'PUT', '/api/v1/apps/a/releases/2/content', {
      body: randomBytes(8 * MIB),
    });
    expect(`${full.status} ${full.body.code}`).toBe('507 DEPOT_FULL');
    const file = `${await sandbox.tree({ a: randomBytes(8 * MIB) })}/a`;
    const pushed = await own.run(['push', file, '--app', 'a', '--version', '2', '--json']);
    expect(pushed.exit).toBe(1);
    expect(pushed.json()).toMatchObject({ error: { code: 'DEPOT_FULL' } });

    // Reads and the seeding of what is there go on, and so do documents.
    expect((await own.run(['release', 'show', 'a@1'])).exit).toBe(0);
    expect((await own.run(['channel', 'set', 'a@stable', '1'])).exit).toBe(0);
    const { body: ticket } = await callApi<{ webSeed: string }>(
      own,
      'GET',
      `/api/v1/artifacts/${small.body.artifact}/ticket`,
    );
    const read = Buffer.from(await (await fetch(ticket.webSeed)).arrayBuffer());
    expect(read.equals(body)).toBe(true);

    writeFileSync(filler, '');
    const outcome = await own.run(['push', file, '--app', 'a', '--version', '2', '--json']);
    expect(outcome.exit).toBe(0);
  });
});
