import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openForeignObject } from '#lib/depot';

import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox } from '../support/sandbox.js';

const MIB = 1024 * 1024;
const FILE = randomBytes(20 * MIB + 3);
const SIGNAL = new AbortController().signal;

let server: S3Server;
let client: S3Client;
let sandbox: Sandbox;
let key: string;
beforeAll(async () => {
  server = await startS3Server();
  const { endpoint, region, credentials } = server;
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  sandbox = await Sandbox.create();
  key = `${server.prefix}/builds/web app.tgz`;
  await put(FILE);
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  client.destroy();
  await server.stop();
});

async function put(Body: Buffer): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: server.bucket, Key: key, Body }));
}

function open(name = key, bucket = server.bucket, secret = server.credentials.secretAccessKey) {
  const { endpoint, region, credentials } = server;
  const keys = { ...credentials, secretAccessKey: secret };
  const patience = { timeoutMs: 2000, totalMs: 2000 };
  return openForeignObject(
    { endpoint, region, bucket, credentials: keys, pathStyle: true, patience },
    name,
  );
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('an object of somebody’s bucket', () => {
  it('is read whole and from where somebody was, until it is replaced', async () => {
    const object = await open();
    const whole = await object.open(null, SIGNAL);
    expect(whole).toMatchObject({ length: FILE.length, offset: 0 });
    expect((await read(whole.bytes)).equals(FILE)).toBe(true);
    const position = { offset: 7 * MIB, version: whole.version! };
    const rest = await object.open(position, SIGNAL);
    expect(rest).toMatchObject({ length: FILE.length, offset: 7 * MIB, version: whole.version });
    expect((await read(rest.bytes)).equals(FILE.subarray(7 * MIB))).toBe(true);
    const other = randomBytes(9 * MIB);
    await put(other);
    const replaced = await object.open(position, SIGNAL);
    expect(replaced).toMatchObject({ length: other.length, offset: 0 });
    expect(replaced.version).not.toBe(whole.version);
    expect((await read(replaced.bytes)).equals(other)).toBe(true);
    await put(FILE);
    object.close();
  });

  it('may be closed by somebody who has not read it', async () => {
    const errors: unknown[] = [];
    const note = (error: unknown) => errors.push(error);
    process.on('uncaughtException', note);
    const object = await open();
    await object.open(null, SIGNAL);
    object.close();
    await expect(object.open(null, SIGNAL)).rejects.toMatchObject({ code: expect.any(String) });
    await sleep(100);
    process.off('uncaughtException', note);
    expect(errors).toEqual([]);
  });

  it('says what is wrong when it cannot be read', async () => {
    for (const [object, code] of [
      [await open('nothing'), 'SOURCE_NOT_FOUND'],
      [await open(key, 'no-such-bucket'), 'SOURCE_NOT_FOUND'],
      [await open(key, server.bucket, 'wrong'), 'SOURCE_REFUSED'],
    ] as const) {
      await expect(object.open(null, SIGNAL)).rejects.toMatchObject({ code });
      object.close();
    }
  });
});

describe('fleetseed release import --from s3://', () => {
  // What this origin's own depot keeps becomes no release; else a bucket that is listed is like any.
  it.each([
    ['a bucket', 3],
    ['a folder', 0],
  ])('makes a release, in a depot that is %s', async (kind, exitOfSecrets) => {
    const env = {
      ...s3Environment(server, 'imports'),
      FLEETSEED_IMPORT_BUCKETS: server.bucket,
      ...(kind === 'a folder' ? { FLEETSEED_S3_BUCKET: '', FLEETSEED_S3_PREFIX: '' } : {}),
    };
    const origin = await sandbox.origin(undefined, { env });
    const sha256 = createHash('sha256').update(FILE).digest('hex');
    const from = `s3://${server.bucket}/${key}`;
    const words = ['release', 'import', 'web@1', '--from', from, '--sha256', sha256];
    const imported = await origin.json(...words);
    expect(imported).toMatchObject({ bytes: FILE.length, created: true });
    const out = await sandbox.folder('out');
    await origin.json('pull', 'web@1', '--out', out);
    expect((await readFile(`${out}/web app.tgz`)).equals(FILE)).toBe(true);

    const secrets = `s3://${server.bucket}/${server.prefix}/imports/secrets/master.json`;
    const stolen = await origin.run(['release', 'import', 'web@2', '--from', secrets]);
    expect(stolen).toMatchObject({ exit: exitOfSecrets });
    const foreign = ['release', 'import', 'web@2', '--from', 's3://other/key'];
    expect(await origin.run(foreign)).toMatchObject({ exit: 3 });
    await origin.service.stop();
  });

  it('leaves the object where it is', async () => {
    const object = await open();
    const { length, bytes } = await object.open(null, SIGNAL);
    expect([length, (await read(bytes)).length]).toEqual([FILE.length, FILE.length]);
    object.close();
    await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: key }));
  });
});
