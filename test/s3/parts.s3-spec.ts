import { randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Depot, PartedObject } from '#lib/depot';
import { systemClock } from '#lib/runtime';

import { FaultProxy } from '../support/s3/fault-proxy.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const DAY_MS = 86_400_000;
const QUICK = { timeoutMs: 1500, totalMs: 30_000, backoffStartMs: 1, backoffLimitMs: 5 };

let server: S3Server;
let proxy: FaultProxy;
let prefix: string;
/** Two replicas of one depot, the first behind a proxy. */
let a: Depot;
let b: Depot;

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
  prefix = `${server.prefix}/parts`;
  a = await openDepot(server, { prefix, endpoint: proxy.endpoint, patience: QUICK });
  b = await openDepot(server, { prefix });
}, 1_200_000);
afterAll(async () => {
  await a.close();
  await b.close();
  await proxy.stop();
  await server.stop();
});
afterEach(() => proxy.reset());

const uploadsPart = ({ method, url }: { method: string; url: string }) =>
  method === 'PUT' && url.includes('partNumber=');

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

describe('an object in parts that go to any replica', () => {
  it('is put together by either', async () => {
    const content = randomBytes(4 * PART + 1);
    const part = (index: number) => [content.subarray(index * PART, (index + 1) * PART)];
    const parted = await a.beginParts('any/replica', content.length, PART);
    const replicas = [a, b, b, a, b];
    await Promise.all(replicas.map((depot, index) => depot.putPart(parted, index, part(index))));
    expect(await a.listParts(parted)).toEqual([0, 1, 2, 3, 4]);
    await b.commitParts(parted);
    expect((await a.readObject('any/replica')).equals(content)).toBe(true);
    expect(await codeOf(a.putPart(parted, 0, part(0)))).toBe('UPLOAD_NOT_FOUND');
    expect(await codeOf(a.listParts(parted))).toBe('UPLOAD_NOT_FOUND');
  });

  it('has the bytes of the one that was told so, when both send a part', async () => {
    for (let round = 0; round < 8; round++) {
      const parted = await a.beginParts(`race/${round}`, 2 * PART, PART);
      const [mine, theirs] = [randomBytes(PART), randomBytes(PART)];
      const second = randomBytes(PART);
      const [wonA, wonB] = await Promise.all([
        a.putPart(parted, 0, [mine]),
        b.putPart(parted, 0, [theirs]),
        b.putPart(parted, 1, [second]),
      ]);
      expect([wonA, wonB].filter(Boolean)).toHaveLength(1);
      await (round % 2 === 0 ? a : b).commitParts(parted);
      const stored = await b.readObject(`race/${round}`);
      expect(stored.subarray(0, PART).equals(wonA ? mine : theirs)).toBe(true);
      expect(stored.subarray(PART).equals(second)).toBe(true);
    }
  });

  it.each(['slow-down', 'reset', 'silent', 'lost-answer', 'late-answer'] as const)(
    'takes a part over a bad line: %s',
    async (fault) => {
      const content = randomBytes(2 * PART);
      const parted = await a.beginParts(`line/${fault}`, content.length, PART);
      proxy.plan(fault, uploadsPart, 2);
      expect(await a.putPart(parted, 0, [content.subarray(0, PART)])).toBe(true);
      expect(await a.putPart(parted, 1, [content.subarray(PART)])).toBe(true);
      expect(proxy.faults).toHaveLength(2);
      await b.commitParts(parted);
      expect((await b.readObject(`line/${fault}`)).equals(content)).toBe(true);
    },
  );

  it('goes on elsewhere when a replica dies in the middle of a part', async () => {
    const dying = await openDepot(server, { prefix, endpoint: proxy.endpoint, patience: QUICK });
    const content = randomBytes(PART + 5);
    const parted = await a.beginParts('dying', content.length, PART);
    proxy.plan('silent', uploadsPart);
    const put = codeOf(dying.putPart(parted, 0, [randomBytes(PART)]));
    await until('the part', () => proxy.faults.length > 0);
    await dying.close();
    expect(await put).toBe('SHUTTING_DOWN');

    expect(await b.listParts(parted)).toEqual([]);
    expect(await b.putPart(parted, 0, [content.subarray(0, PART)])).toBe(true);
    expect(await a.putPart(parted, 0, [randomBytes(PART)])).toBe(false);
    expect(await b.putPart(parted, 1, [content.subarray(PART)])).toBe(true);
    await a.commitParts(parted);
    expect((await a.readObject('dying')).equals(content)).toBe(true);
  });

  it('keeps the bytes that were decided when a request that was given up arrives later', async () => {
    const content = randomBytes(PART);
    const parted = await a.beginParts('late', content.length, PART);
    // It is carried out, but nobody says so until whoever asked has gone.
    proxy.plan('late-answer', uploadsPart, 10_000);
    const hasty = { ...QUICK, timeoutMs: 1500, totalMs: 1500 };
    const dying = await openDepot(server, { prefix, endpoint: proxy.endpoint, patience: hasty });
    expect(await codeOf(dying.putPart(parted, 0, [randomBytes(PART)]))).toBe('TIMED_OUT');
    await dying.close();
    expect(await b.putPart(parted, 0, [content])).toBe(true);
    await b.commitParts(parted);
    expect((await b.readObject('late')).equals(content)).toBe(true);
  });

  it('is committed once although the answer to that is lost', async () => {
    const content = randomBytes(PART + 1);
    const parted = await a.beginParts('lost/commit', content.length, PART);
    await a.putPart(parted, 0, [content.subarray(0, PART)]);
    await a.putPart(parted, 1, [content.subarray(PART)]);
    const completes = ({ method, url }: { method: string; url: string }) =>
      method === 'POST' && url.includes('uploadId=');
    proxy.plan('lost-answer', completes);
    await a.commitParts(parted);
    expect(proxy.faults).toHaveLength(1);
    expect((await b.readObject('lost/commit')).equals(content)).toBe(true);
    expect(await codeOf(b.commitParts(parted))).toBe('UPLOAD_NOT_FOUND');
  });

  it('asks for the part again when there was no memory to keep it', async () => {
    const length = 70 * MIB;
    const content = randomBytes(length);
    // A store takes its time over so many bytes.
    const patience = { ...QUICK, timeoutMs: 30_000, totalMs: 60_000 };
    const patient = await openDepot(server, { prefix, endpoint: proxy.endpoint, patience });
    const parted = await patient.beginParts('no/memory', length, length);
    proxy.plan('slow-down', uploadsPart);
    expect(await codeOf(patient.putPart(parted, 0, cut(content)))).toBe('DEPOT_UNAVAILABLE');
    expect(await patient.putPart(parted, 0, cut(content))).toBe(true);
    await patient.commitParts(parted);
    await patient.close();
    expect((await b.readObject('no/memory')).equals(content)).toBe(true);
  });
});

describe('parts that nobody goes on with', () => {
  const sweepsAfter = (days: number) =>
    openDepot(server, {
      prefix,
      clock: { ...systemClock, now: () => Date.now() + days * DAY_MS },
    });

  it('are dropped after two weeks, and not before', async () => {
    const begin = (key: string) => a.beginParts(key, 5, 5);
    const parted: PartedObject = await begin('abandoned');
    await a.putPart(parted, 0, [Buffer.from('bytes')]);
    await (await sweepsAfter(13)).close();
    expect(await b.listParts(parted)).toEqual([0]);
    const later = await sweepsAfter(15);
    await until(
      'the sweep',
      async () => (await codeOf(b.listParts(parted))) === 'UPLOAD_NOT_FOUND',
    );
    await later.close();
    expect(await codeOf(b.putPart(parted, 0, [Buffer.from('bytes')]))).toBe('UPLOAD_NOT_FOUND');
    expect(await b.statObject('abandoned')).toBeNull();
  });
});

describe('objects too long to be copied at once', () => {
  it('are moved in parts', async () => {
    const depot = await openDepot(server, { prefix, copyLimit: 6 * MIB });
    const content = randomBytes(13 * MIB);
    await depot.putObject('long/from', cut(content));
    await depot.moveObject('long/from', 'long/to');
    expect((await depot.readObject('long/to')).equals(content)).toBe(true);
    expect(await depot.statObject('long/from')).toBeNull();
    await depot.close();
  });
});

function cut(content: Buffer): Buffer[] {
  const count = Math.ceil(content.length / MIB);
  return Array.from({ length: count }, (_, i) => content.subarray(i * MIB, (i + 1) * MIB));
}
