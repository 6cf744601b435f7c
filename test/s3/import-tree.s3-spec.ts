import { randomBytes } from 'node:crypto';

import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Import } from '#lib/contracts';

import type { Pushed } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import type { Environment } from '../support/processes.js';
import { FaultProxy } from '../support/s3/fault-proxy.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
/** What a busy machine may take, ms. */
const PATIENCE_MS = 90_000;
const SAME = randomBytes(70_000);
/** More than one pack of small files, and two large ones that are the same. */
const FILES: Readonly<Record<string, Buffer>> = {
  'README.md': Buffer.from('# A tree\n'),
  'a-b/c': Buffer.from('comes after a/'),
  'a/copy.bin': SAME,
  'a/deep/er/copy.bin': SAME,
  'a/empty': Buffer.alloc(0),
  'bin/app': randomBytes(5 * MIB + 7),
  'bin/app.old': randomBytes(MIB),
  ...Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`lib/${index}.so`, randomBytes(MIB - 1 - index)]),
  ),
};

let server: S3Server;
let proxy: FaultProxy;
let client: S3Client;
let sandbox: Sandbox;
let tree: string;
let prefix: string;
/** A depot in a folder, and a bucket that is not its own. */
let env: Environment;
beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
  const { endpoint, region, credentials } = server;
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  sandbox = await Sandbox.create();
  tree = await sandbox.tree(FILES);
  prefix = `${server.prefix}/builds/web`;
  for (const [path, body] of Object.entries(FILES)) await put(path, body);
  env = {
    ...s3Environment({ ...server, endpoint: proxy.endpoint }, 'unused'),
    FLEETSEED_S3_BUCKET: '',
    FLEETSEED_S3_PREFIX: '',
    FLEETSEED_IMPORT_BUCKETS: server.bucket,
  };
}, 1_200_000);
afterEach(() => proxy.reset());
afterAll(async () => {
  await sandbox.close();
  client.destroy();
  await proxy.stop();
  await server.stop();
});

async function put(path: string, Body: Buffer): Promise<void> {
  const Key = `${prefix}/${path}`;
  await client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body }));
}

async function remove(path: string): Promise<void> {
  const Key = `${prefix}/${path}`;
  await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key }));
}

const from = () => `s3://${server.bucket}/${prefix}/`;
const words = (version: string) => ['release', 'import', `web@${version}`, '--from', from()];
const isObject = (path: string) => (request: { method: string; url: string }) =>
  request.method === 'GET' && request.url.split('?')[0]!.endsWith(`/${path}`);

/** How often the object was asked for. */
const readsOf = (path: string) => proxy.seen.filter(isObject(path)).length;

const allAsked = () => readsOf('lib/19.so') > 0 && readsOf('bin/app.old') > 0;

async function begin(origin: OriginProcess, version: string): Promise<Import> {
  return origin.json<Import>(...words(version), '--no-wait');
}

async function ended(origin: OriginProcess, { import: id }: Import): Promise<Import> {
  return until(
    'the end of the import',
    async () => {
      const { body } = await callApi<Import>(origin, 'GET', `/api/v1/imports/${id}`);
      return body.state !== 'open' && body;
    },
    PATIENCE_MS,
  );
}

describe('fleetseed release import --from s3://BUCKET/PREFIX/', () => {
  it('makes just the release that a push of the tree makes', async () => {
    const origin = await sandbox.origin(undefined, { env });
    const bytes = Object.values(FILES).reduce((sum, file) => sum + file.length, 0);
    const imported = await origin.json(...words('1'), '--bytes', String(bytes), '--channel', 'new');
    expect(imported).toMatchObject({ created: true, bytes });
    expect(readsOf('bin/app')).toBe(1);
    const out = await sandbox.folder('out');
    await origin.json('pull', 'web@1', '--out', out);
    expect(treePicture(`${out}/web`)).toEqual(treePicture(tree));
    expect(await origin.json('channel', 'show', 'web@new')).toMatchObject({ version: '1' });
    const push = ['push', tree, '--name', 'web', '--app', 'web', '--version', '1'];
    const pushed = await origin.json<Pushed>(...push);
    expect(pushed).toMatchObject({ artifact: imported['artifact'], uploadedBytes: 0 });
    // Nothing stays behind, and nothing is damaged.
    expect(await origin.json('depot', 'verify')).toMatchObject({ damaged: [], unreadable: [] });
    await origin.service.stop();
  });

  it('goes on after kill -9 with what had not come', async () => {
    const data = await sandbox.folder('origin');
    const origin = await sandbox.origin(data, { env });
    proxy.plan('reset', isObject('bin/app.old'), 1_000_000);
    const begun = await begin(origin, '2');
    await until('other files', allAsked, PATIENCE_MS);
    await until(
      'the other groups are kept',
      async () => {
        const { body } = await callApi<Import>(origin, 'GET', `/api/v1/imports/${begun.import}`);
        return body.bytes !== null && body.receivedBytes === body.bytes - MIB;
      },
      PATIENCE_MS,
    );
    await origin.service.kill();
    proxy.reset();
    const again = await sandbox.origin(data, { env });
    expect(await ended(again, begun)).toMatchObject({ state: 'done', created: true });
    expect(readsOf('bin/app.old')).toBe(1);
    expect(readsOf('bin/app')).toBe(0);
    await again.service.stop();
  });

  it.each([
    ['replaced', 'bin/app.old', () => put('bin/app.old', randomBytes(MIB))],
    ['replaced after it was read', 'README.md', () => put('README.md', Buffer.from('# Other\n'))],
    ['removed', 'bin/app.old', () => remove('bin/app.old')],
    ['added', 'lib/new.so', () => put('lib/new.so', Buffer.from('new'))],
  ])('refuses a tree of which a file is %s meanwhile, naming it', async (_, path, change) => {
    const origin = await sandbox.origin(undefined, { env });
    proxy.plan('reset', isObject('bin/app.old'), 1_000_000);
    const begun = await begin(origin, '3');
    await until('all other files', allAsked, PATIENCE_MS);
    await change();
    proxy.reset();
    const { state, error } = await ended(origin, begun);
    expect([state, error?.code]).toEqual(['failed', 'SOURCE_CHANGED']);
    expect(error?.detail).toContain(path);
    if (FILES[path]) await put(path, FILES[path]);
    else await remove(path);
    const second = await origin.json(...words('3'));
    expect(second).toMatchObject({ created: true });
    await origin.service.stop();
  });

  it('does not wait for the rest of a tree that is known to have changed', async () => {
    const origin = await sandbox.origin(undefined, { env });
    proxy.plan('stalled', isObject('bin/app'));
    proxy.plan('reset', isObject('README.md'), 1_000_000);
    const begun = await begin(origin, '4');
    const bothAsked = () => readsOf('bin/app') > 0 && readsOf('README.md') > 0;
    await until('both groups', bothAsked, PATIENCE_MS);
    await put('README.md', Buffer.from('# Other\n'));
    proxy.reset();
    expect((await ended(origin, begun)).error).toMatchObject({
      code: 'SOURCE_CHANGED',
      detail: expect.stringContaining('README.md') as string,
    });
    // Who is silent is asked again after a while.
    expect(readsOf('bin/app')).toBe(0);
    await put('README.md', FILES['README.md']!);
    await origin.service.stop();
  });

  it('says what it does not take', async () => {
    const limits = { FLEETSEED_IMPORT_MAX_FILES: '25' };
    const few = await sandbox.origin(undefined, { env: { ...env, ...limits } });
    const tooMany = await few.run(words('1'));
    expect(tooMany).toMatchObject({ exit: 1, stderr: expect.stringContaining('25 files') });
    const checked = await few.run([...words('1'), '--sha256', 'ab'.repeat(32)]);
    expect(checked).toMatchObject({ exit: 1, stderr: expect.stringContaining('SHA-256') });
    await few.service.stop();

    const origin = await sandbox.origin(undefined, { env });
    const nothing = ['release', 'import', 'web@1', '--from', `${from()}nothing/`];
    expect(await origin.run(nothing)).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('SOURCE_NOT_FOUND'),
    });
    const short = await origin.run([...words('1'), '--bytes', '5']);
    expect(short).toMatchObject({ exit: 1, stderr: expect.stringContaining('SOURCE_MISMATCH') });
    await origin.service.stop();
  });
});
