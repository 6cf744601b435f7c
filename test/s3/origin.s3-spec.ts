import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PartUrl, Release, Savings } from '#lib/contracts';

import { active, pushStable, type Pushed } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import { runFleetseed, type Environment } from '../support/processes.js';
import { RawUpload } from '../support/raw-upload.js';
import { FaultProxy } from '../support/s3/fault-proxy.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;

let server: S3Server;
let sandbox: Sandbox;
beforeAll(async () => {
  server = await startS3Server();
  sandbox = await Sandbox.create();
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await server.stop();
});

async function pullTree(origin: OriginProcess, version: string): Promise<string> {
  const out = await sandbox.folder('out');
  await origin.json('pull', `web@${version}`, '--out', out);
  return `${out}/web`;
}

const savingsOf = (origin: OriginProcess) => origin.json<Savings>('savings');

describe('an origin that keeps its depot in a bucket', () => {
  it('publishes, seeds and accounts, and another one on an empty disk goes on with all of it', async () => {
    const env = s3Environment(server, 'e2e');
    const first = await sandbox.origin(undefined, { env });
    const small = Array.from({ length: 200 }, (_, i) => [`lib/${i}.js`, randomBytes(2000 + i)]);
    const files: Record<string, Buffer | string> = Object.fromEntries(small);
    files['bin/app'] = randomBytes(27 * MIB + 11);
    files['empty'] = '';
    const tree = await sandbox.tree(files);
    const pushed = await pushStable(first, tree, 'web', '1');
    expect(pushed.uploadedBytes).toBe(pushed.bytes);
    expect(treePicture(await pullTree(first, '1'))).toEqual(treePicture(tree));

    const agent = await sandbox.agent(first, undefined, { args: ['--app', 'web@stable'] });
    await active(agent, '1');
    expect(treePicture(`${agent.data}/apps/web/current`)).toEqual(treePicture(tree));

    const tarball = randomBytes(20 * MIB + 3);
    const path = '/api/v1/apps/curl/releases/1/content?name=build.tgz';
    const put = await callApi<Release>(first, 'PUT', path, { body: tarball });
    expect(put.status).toBe(201);

    // Nothing of the depot is on this machine, but for what was seeded.
    const kept = ['admin-token', 'cache', 'join-token'];
    expect(readdirSync(first.data).toSorted()).toEqual(kept);
    const before = await savingsOf(first);
    expect(before.delivered).toBe(2 * pushed.bytes);
    await first.service.stop();

    const second = await sandbox.origin(undefined, { env });
    expect(treePicture(await pullTree(second, '1'))).toEqual(treePicture(tree));
    const again = await pushStable(second, tree, 'web', '1');
    expect(again).toMatchObject({ artifact: pushed.artifact, uploadedBytes: 0 });
    const after = await savingsOf(second);
    expect(after.delivered).toBe(before.delivered + pushed.bytes);

    const out = await sandbox.folder('out');
    await second.json('pull', 'curl@1', '--out', out);
    const pulled = await readFile(`${out}/build.tgz`);
    expect(createHash('sha256').update(pulled).digest()).toEqual(
      createHash('sha256').update(tarball).digest(),
    );
  });

  it('goes on with an upload that another has begun, after that was killed', async () => {
    const env = s3Environment(server, 'resumed');
    const first = await sandbox.origin(undefined, { env });
    const upload = new RawUpload(first, 'app', '1', randomBytes(3 * 8 * MIB + 5));
    await upload.start();
    await upload.sendPart(0);
    await first.service.kill();
    const args = ['--admin-token-file', `${first.data}/admin-token`];
    const second = await sandbox.origin(await dataLike(first), { env, args });
    upload.origin = second;
    const { objects } = await upload.start();
    expect(objects[0]?.received).toEqual([0]);
    for (let part = 1; part < upload.partCount; part++) await upload.sendPart(part);
    expect((await upload.complete()).status).toBe(200);
    await until('the release', () => upload.release());
  });

  it('takes and gives builds while the store is overloaded and its connections break', async () => {
    const proxy = await FaultProxy.start(server.endpoint);
    const env = {
      ...s3Environment(server, 'faults'),
      FLEETSEED_S3_ENDPOINT: proxy.endpoint,
      FLEETSEED_S3_TIMEOUT_SECONDS: '2',
    };
    const origin = await sandbox.origin(undefined, { env });
    let count = 0;
    // Not at the same steps in each run, and never the same request twice in a row.
    const everyTenth = () => ++count % 10 === 0;
    const kinds = ['slow-down', 'reset', 'lost-answer', 'truncated', 'silent'] as const;
    for (const fault of kinds) proxy.plan(fault, everyTenth, 8);
    const tree = await sandbox.tree({ a: randomBytes(20 * MIB), b: randomBytes(3000) });
    await pushStable(origin, tree, 'web', '1');
    expect(treePicture(await pullTree(origin, '1'))).toEqual(treePicture(tree));
    expect(proxy.faults.length).toBeGreaterThan(5);
    await origin.service.stop();
    await proxy.stop();
  });

  it('publishes a version once when two replicas are told to', async () => {
    const env = s3Environment(server, 'two');
    const first = await sandbox.origin(undefined, { env });
    const args = ['--admin-token-file', `${first.data}/admin-token`];
    const second = await sandbox.origin(await dataLike(first), { env, args });
    const trees = await Promise.all(
      [1, 2].map(() => sandbox.tree({ build: randomBytes(9 * MIB) })),
    );
    const push = (origin: OriginProcess, tree: string) =>
      origin.run(['push', tree, '--app', 'web', '--version', '1', '--json']);
    const outcomes = await Promise.all([push(first, trees[0]!), push(second, trees[1]!)]);
    expect(outcomes.map(({ exit }) => exit).toSorted((x, y) => x - y)).toEqual([0, 5]);
    const winner = outcomes.findIndex(({ exit }) => exit === 0);
    const { artifact } = outcomes[winner]!.json<Pushed>();
    for (const origin of [first, second]) {
      const release = await callApi<Release>(origin, 'GET', '/api/v1/apps/web/releases/1');
      expect(release.body.artifact).toBe(artifact);
    }
  });
});

describe('large files that go straight to the bucket', () => {
  it('are published like all others, without passing through the origin', async () => {
    const proxy = await FaultProxy.start(server.endpoint);
    const env = { ...s3Environment(server, 'direct'), FLEETSEED_S3_ENDPOINT: proxy.endpoint };
    const origin = await sandbox.origin(undefined, { env });
    const content = { big: randomBytes(20 * MIB + 5), middle: randomBytes(2 * MIB), small: 'x' };
    const tree = await sandbox.tree(content);
    proxy.plan('slow-down', ({ url }) => url.includes('X-Amz-Signature'), 2);
    const push = ['push', tree, '--app', 'web', '--version', '1', '--direct'];
    const pushed = await origin.json<Pushed>(...push);
    expect(pushed.uploadedBytes).toBe(pushed.bytes);
    const signed = proxy.seen.filter(({ url }) => url.includes('X-Amz-Signature'));
    // Three parts of the big file, the middle one, and the two that were put off.
    expect(signed.map(({ method }) => method)).toEqual(Array.from({ length: 6 }, () => 'PUT'));
    expect(signed.every(({ url }) => url.includes('/uploads/'))).toBe(true);
    expect(treePicture(await pullTree(origin, '1'))).toEqual(treePicture(tree));
    const single = await sandbox.tree({ 'build.tgz': randomBytes(9 * MIB) });
    await origin.json('push', `${single}/build.tgz`, '--app', 'one', '--version', '1', '--direct');
    const out = await sandbox.folder('out');
    await origin.json('pull', 'one@1', '--out', out);
    expect(treePicture(out)).toEqual(treePicture(single));
    await origin.service.stop();
    await proxy.stop();
  });

  it('are not believed: other bytes than were declared are found and kept nowhere', async () => {
    const env = s3Environment(server, 'forged');
    const origin = await sandbox.origin(undefined, { env });
    const upload = new RawUpload(origin, 'app', '1', randomBytes(9 * MIB));
    Object.assign(upload.request, { direct: true });
    const { objects, upload: id } = await upload.start();
    expect(objects[0]).toMatchObject({ direct: true });
    expect((await upload.sendPart(0)).body).toMatchObject({ code: 'PART_INVALID' });
    for (let part = 0; part < upload.partCount; part++) {
      const path = `/api/v1/uploads/${id}/objects/${objects[0]!.object}/parts/${part}/url`;
      const { body } = await callApi<PartUrl>(origin, 'GET', path);
      const forged = Uint8Array.from(randomBytes(body.bytes));
      const sent = await fetch(body.url, { method: 'PUT', body: forged });
      expect(sent.status).toBe(200);
    }
    await upload.complete();
    const failed = await until('the refusal', async () => {
      const now = await upload.look();
      return now.state === 'failed' ? now : null;
    });
    expect(failed.error?.code).toBe('ROOT_MISMATCH');
    expect(await upload.release()).toBeNull();
    // The right bytes are welcome all the same.
    const tree = await sandbox.tree({ 'build.bin': upload.content });
    const push = ['push', `${tree}/build.bin`, '--app', 'app', '--version', '1', '--direct'];
    expect(await origin.json<Pushed>(...push)).toMatchObject({ uploadedBytes: 9 * MIB });
  });

  it('need a bucket', async () => {
    const origin = await sandbox.origin();
    const tree = await sandbox.tree({ a: 'x' });
    const push = ['push', tree, '--app', 'web', '--version', '1', '--direct', '--json'];
    const outcome = await origin.run(push);
    expect(outcome.exit).toBe(1);
    expect(outcome.stderr + outcome.stdout).toMatch(/without --direct/);
  });
});

describe('an origin whose bucket cannot be used does not start, and names', () => {
  const wrong: readonly [string, Environment, RegExp][] = [
    [
      'a bucket that does not exist',
      { FLEETSEED_S3_BUCKET: 'nowhere' },
      /FLEETSEED_S3_BUCKET.*no bucket/,
    ],
    ['a bad name', { FLEETSEED_S3_BUCKET: 'No_Bucket' }, /FLEETSEED_S3_BUCKET.*bucket name/],
    [
      'a wrong secret',
      { AWS_SECRET_ACCESS_KEY: 'guessed' },
      /FLEETSEED_S3_BUCKET.*AWS_SECRET_ACCESS_KEY/,
    ],
    ['a wrong key', { AWS_ACCESS_KEY_ID: 'nobody' }, /FLEETSEED_S3_BUCKET.*AWS_ACCESS_KEY_ID/],
    ['a wrong region', { FLEETSEED_S3_REGION: 'eu-north-7' }, /FLEETSEED_S3_REGION.*region/],
    [
      'an endpoint where nobody listens',
      { FLEETSEED_S3_ENDPOINT: 'http://127.0.0.1:1', FLEETSEED_S3_TIMEOUT_SECONDS: '1' },
      /FLEETSEED_S3_ENDPOINT.*ECONNREFUSED/,
    ],
    [
      'an endpoint with a path',
      { FLEETSEED_S3_ENDPOINT: 'http://127.0.0.1:1/b' },
      /FLEETSEED_S3_ENDPOINT/,
    ],
    [
      'a clock an hour ahead',
      { NODE_OPTIONS: clockAhead(60) },
      /FLEETSEED_S3_ENDPOINT.*60 minutes ahead/,
    ],
    [
      'a clock an hour behind',
      { NODE_OPTIONS: clockAhead(-60) },
      /FLEETSEED_S3_ENDPOINT.*60 minutes behind/,
    ],
    [
      'a certificate file that is not there',
      { FLEETSEED_S3_CA_FILE: '/nowhere' },
      /FLEETSEED_S3_CA_FILE/,
    ],
  ];

  it.each(wrong)('%s', async (_, changed, text) => {
    const data = `${await sandbox.folder('refused')}/data`;
    const env = { ...s3Environment(server, 'wrong'), ...changed };
    const outcome = await runFleetseed(['origin', '--data', data, '--listen', '127.0.0.1:0'], {
      env,
    });
    expect(outcome).toMatchObject({ exit: 2, stdout: '' });
    expect(outcome.stderr).toMatch(text);
    expect(outcome.stderr).not.toContain(server.credentials.secretAccessKey);
    expect(existsSync(data)).toBe(false);
  });
});

/** A process whose clock is wrong by so many minutes. */
function clockAhead(minutes: number): string {
  const code = `const now = Date.now; Date.now = () => now() + ${minutes * 60_000};`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** A folder with the tokens of `origin`, and nothing else. */
async function dataLike(origin: OriginProcess): Promise<string> {
  const tree = await sandbox.tree({
    'admin-token': { content: await readFile(`${origin.data}/admin-token`), mode: 0o600 },
  });
  return tree;
}
