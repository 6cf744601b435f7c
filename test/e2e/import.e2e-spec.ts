import { createHash, randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Import, Job, Page } from '#lib/contracts';

import { FileServer, sendFile } from '../support/file-server.js';
import { RedisServer } from '../support/redis-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const FILE = randomBytes(40 * MIB + 9);
const SHA256 = createHash('sha256').update(FILE).digest('hex');
const ETAG = '"one"';
const ENV = { FLEETSEED_IMPORT_HOSTS: '127.0.0.1' };

let sandbox: Sandbox;
let server: FileServer;
beforeAll(async () => void (sandbox = await Sandbox.create()));
afterAll(() => sandbox.close());
beforeEach(async () => void (server = await FileServer.start()));
afterEach(() => server.stop());

const words = (version: string, ...more: string[]) => [
  'release',
  'import',
  `web@${version}`,
  '--from',
  `${server.url}/build.tgz?sig=s3cr3t`,
  '--insecure-http',
  ...more,
];

async function ended(origin: OriginProcess, job: string): Promise<Job> {
  return until('the import has ended', async () => {
    const { items } = await origin.json<Page<Job>>('job', 'list');
    const found = items.find((each) => each.job === job);
    return found && !['waiting', 'active'].includes(found.state) ? found : undefined;
  });
}

describe('fleetseed release import', () => {
  it('makes a release that can be pulled, moves the channel, and is quick the second time', async () => {
    const origin = await sandbox.origin(undefined, { env: ENV });
    server.serve(FILE, ETAG);
    const checked = ['--sha256', SHA256, '--bytes', String(FILE.length)];
    const imported = await origin.json(...words('1', '--channel', 'stable', ...checked));
    expect(imported).toMatchObject({ app: 'web', version: '1', bytes: FILE.length, created: true });
    const out = await sandbox.folder('out');
    await origin.json('pull', 'web@1', '--out', out);
    expect(await origin.json('channel', 'show', 'web@stable')).toMatchObject({ version: '1' });
    const again = await origin.json(...words('1', '--channel', 'stable', ...checked));
    expect(again).toMatchObject({ artifact: imported['artifact'], created: false });
    const { items } = await origin.json<Page<Import>>('release', 'imports', 'web');
    expect(items).toMatchObject([{ version: '1', state: 'done' }]);
    const shown = await origin.run(['release', 'imports']);
    expect(shown.stdout).toMatch(/^release .*\nweb@1 .* done +100 % of /);
    expect(server.requests).toHaveLength(1);

    server.serve(randomBytes(5000), '"two"');
    const other = await origin.run(words('1'));
    expect(other).toMatchObject({ exit: 5, stderr: expect.stringContaining('VERSION_TAKEN') });
    const wrong = await origin.run(words('2', '--sha256', SHA256));
    expect(wrong).toMatchObject({ exit: 1, stderr: expect.stringContaining('SOURCE_MISMATCH') });
    expect(origin.service.stderr + other.stderr + wrong.stderr).not.toContain('s3cr3t');
  });

  it('does not let a caller reach what only the origin can', async () => {
    const origin = await sandbox.origin();
    server.serve(FILE, ETAG);
    const own = await origin.run(words('1'));
    expect(own).toMatchObject({ exit: 3, stderr: expect.stringContaining('SOURCE_REFUSED') });
    const plain = ['release', 'import', 'web@1', '--from', 'http://example.com/x'];
    expect(await origin.run(plain)).toMatchObject({ exit: 3 });
    expect(server.requests).toEqual([]);
  });

  it('does not follow a redirect to a host that is not listed', async () => {
    const origin = await sandbox.origin(undefined, { env: ENV });
    const location = `http://127.0.0.2:${server.port}/x`;
    server.answer((_, response) => response.writeHead(302, { location }).end());
    const refused = await origin.run(words('1'));
    expect(refused).toMatchObject({ exit: 3, stderr: expect.stringContaining('SOURCE_REFUSED') });
    expect(server.requests).toHaveLength(1);
  });

  it('goes on where it was when the origin is killed', async () => {
    const origin = await sandbox.origin(undefined, { env: ENV });
    // Slow: a mebibyte at a time, and then nothing more.
    server.answer((request, response) => sendFile(request, response, FILE, ETAG, 20 * MIB));
    const { job } = await origin.json<Import>(...words('1', '--sha256', SHA256, '--no-wait'));
    await until('it asks again', async () => server.requests.length > 1);
    await origin.service.kill();
    server.requests.length = 0;
    server.serve(FILE, ETAG);
    const second = await sandbox.origin(origin.data, { env: ENV });
    expect(await ended(second, job)).toMatchObject({ state: 'done', about: 'web@1' });
    expect(server.requests[0]?.headers.range).toBe(`bytes=${16 * MIB}-`);
  });

  it('is cancelled by whoever may, and stays so', async () => {
    const origin = await sandbox.origin(undefined, { env: ENV });
    server.answer((_, response) => response.writeHead(200, { 'content-length': 10 }).write('x'));
    const { job } = await origin.json<Import>(...words('1', '--no-wait'));
    await until('it has begun', async () => server.requests.length > 0);
    await origin.json('job', 'cancel', job);
    expect(await ended(origin, job)).toMatchObject({ state: 'cancelled' });
    await origin.service.stop();
    server.requests.length = 0;
    await sandbox.origin(origin.data, { env: ENV });
    expect(server.requests).toEqual([]);
  });
});

describe('imports of an origin whose jobs are in Redis', () => {
  it('are done though Redis is emptied again and again, two at a time', async () => {
    const redis = await RedisServer.start();
    const env = { ...ENV, FLEETSEED_REDIS_URL: redis.url };
    const origin = await sandbox.origin(undefined, { env });
    let [active, most] = [0, 0];
    server.answer((request, response) => {
      most = Math.max(most, ++active);
      response.on('close', () => active--);
      sendFile(request, response, FILE.subarray(0, 30_000), ETAG);
    });
    const versions = ['1', '2', '3', '4', '5'];
    const begun = await Promise.all(
      versions.map((version) => origin.json<Import>(...words(version, '--no-wait'))),
    );
    await redis.empty();
    await until(
      'all are done',
      async () => {
        const found = await Promise.all(
          begun.map((each) => origin.json<{ items: unknown[] }>('release', 'list', each.app)),
        );
        return found.every(({ items }) => items.length === versions.length);
      },
      60_000,
    );
    expect(most).toBeLessThanOrEqual(2);
    await redis.stop();
  });
});
