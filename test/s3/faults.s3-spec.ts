import { randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Depot } from '#lib/depot';

import { FaultProxy, type Fault } from '../support/s3/fault-proxy.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const QUICK = { timeoutMs: 1500, totalMs: 30_000, backoffStartMs: 1, backoffLimitMs: 5 };
const bytesOf = (text: string) => Buffer.from(text);

let server: S3Server;
let proxy: FaultProxy;
/** Through the proxy, and past it: two replicas, one of which has a bad line. */
let depot: Depot;
let other: Depot;

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
  const prefix = `${server.prefix}/faults`;
  depot = await openDepot(server, { prefix, endpoint: proxy.endpoint, patience: QUICK });
  other = await openDepot(server, { prefix });
}, 1_200_000);
afterAll(async () => {
  await depot.close();
  await other.close();
  await proxy.stop();
  await server.stop();
});
afterEach(() => proxy.reset());

const put = (key: string) => (request: { method: string; url: string }) =>
  request.method === 'PUT' && request.url.includes(`/${key}?`);
const get = (key: string) => (request: { method: string; url: string }) =>
  request.method === 'GET' && request.url.includes(`/${key}?`);
const part = ({ method, url }: { method: string; url: string }) =>
  method === 'PUT' && url.includes('partNumber=');
const head = (key: string) => (request: { method: string; url: string }) =>
  request.method === 'HEAD' && request.url.includes(`/${key}`);

const PASSING: readonly Fault[] = ['slow-down', 'broken', 'reset', 'silent'];
const UNSURE: readonly Fault[] = ['lost-answer', 'late-answer'];

/** What went wrong was tried again over a connection that had not been used. */
function expectNewConnections(faults: number): void {
  expect(proxy.faults).toHaveLength(faults);
  const last = Math.max(...proxy.faults.map(({ connection }) => connection));
  expect(proxy.seen.at(-1)!.connection).toBeGreaterThan(last);
}

describe('documents over a bad line', () => {
  it.each([...PASSING, ...UNSURE])('are created once, and known to be: %s', async (fault) => {
    const key = `create/${fault}`;
    proxy.plan(fault, put(key), 2);
    expect(await depot.createDocument(key, bytesOf('mine'))).toBe(true);
    expectNewConnections(2);
    expect(await depot.createDocument(key, bytesOf('mine'))).toBe(false);
    expect((await other.readDocument(key))?.bytes.toString()).toBe('mine');
  });

  it.each([...PASSING, ...UNSURE])('are replaced once, and known to be: %s', async (fault) => {
    const key = `replace/${fault}`;
    await other.createDocument(key, bytesOf('first'));
    const { version } = (await depot.readDocument(key))!;
    proxy.plan(fault, put(key), 2);
    const next = await depot.replaceDocument(key, bytesOf('second'), version);
    expectNewConnections(2);
    expect(next).toBe((await other.readDocument(key))?.version);
    expect(await depot.replaceDocument(key, bytesOf('third'), version)).toBeNull();
  });

  it('are known to be somebody else’s, although they say the same', async () => {
    const key = 'twins';
    const same = bytesOf('the same words');
    proxy.plan('slow-down', put(key), 1);
    const mine = depot.createDocument(key, same);
    const theirs = await other.createDocument(key, same);
    expect(await mine).toBe(!theirs);
  });

  it('are known to be ours when somebody has replaced them before we could look', async () => {
    const key = 'overtaken/create';
    proxy.plan('late-answer', put(key));
    const created = depot.createDocument(key, bytesOf('ours'));
    const found = await until('the document', () => other.readDocument(key));
    await other.replaceDocument(key, bytesOf('theirs'), found.version);
    expect(await created).toBe(true);

    proxy.plan('late-answer', put(key));
    const { version } = (await depot.readDocument(key))!;
    const replaced = depot.replaceDocument(key, bytesOf('ours again'), version);
    const moved = await until('the new version', async () => {
      const now = await other.readDocument(key);
      return now && now.version !== version ? now : null;
    });
    await other.replaceDocument(key, bytesOf('theirs again'), moved.version);
    const outdated = await replaced;
    expect(outdated).not.toBeNull();
    expect(await depot.replaceDocument(key, bytesOf('x'), outdated!)).toBeNull();
  });

  it('are not said to be written, or not, when that cannot be found out', async () => {
    const key = 'unknown';
    await other.createDocument(key, bytesOf('0'));
    const { version } = (await depot.readDocument(key))!;
    proxy.plan('late-answer', put(key));
    const replaced = depot.replaceDocument(key, bytesOf('1'), version);
    const outcome = replaced.catch((error: unknown) => error);
    let current = await until('the new version', async () => {
      const now = await other.readDocument(key);
      return now && now.version !== version ? now.version : null;
    });
    for (const text of ['2', '3']) {
      current = (await other.replaceDocument(key, bytesOf(text), current))!;
    }
    expect(await outcome).toMatchObject({ code: 'TIMED_OUT' });
  });

  it('count right when ten writers meet faults of all kinds', async () => {
    const key = 'counter';
    await other.createDocument(key, bytesOf('0'));
    for (const fault of [...PASSING, ...UNSURE]) proxy.plan(fault, put(key), 2);
    const increment = async (through: Depot): Promise<void> => {
      const { bytes, version } = (await through.readDocument(key))!;
      const next = bytesOf(String(Number(bytes.toString()) + 1));
      try {
        if ((await through.replaceDocument(key, next, version)) === null) await increment(through);
      } catch {
        unknown++;
      }
    };
    let unknown = 0;
    await Promise.all(Array.from({ length: 10 }, (_, i) => increment(i % 2 ? depot : other)));
    const count = Number((await other.readDocument(key))?.bytes.toString());
    expect(count).toBeGreaterThanOrEqual(10 - unknown);
    expect(count).toBeLessThanOrEqual(10);
  });

  it.each(['truncated', 'stalled'] as const)('are read whole or again: %s', async (fault) => {
    const key = `read/${fault}`;
    const content = randomBytes(100_000);
    await other.createDocument(key, content);
    proxy.plan(fault, get(key), 2);
    expect((await depot.readDocument(key))?.bytes.equals(content)).toBe(true);
    expectNewConnections(2);
  });

  it('fail with DEPOT_UNAVAILABLE or TIMED_OUT when the store stays away', async () => {
    const impatient = { ...QUICK, timeoutMs: 1500, totalMs: 1500 };
    const prefix = `${server.prefix}/faults`;
    const hasty = await openDepot(server, {
      prefix,
      endpoint: proxy.endpoint,
      patience: impatient,
    });
    proxy.plan('slow-down', () => true, 10_000);
    await expect(hasty.readDocument('x')).rejects.toMatchObject({ code: 'DEPOT_UNAVAILABLE' });
    proxy.reset();
    proxy.plan('silent', () => true, 10_000);
    await expect(hasty.createDocument('x', bytesOf('y'))).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    proxy.reset();
    await hasty.close();
  });
});

describe('objects over a bad line', () => {
  it.each(['truncated', 'stalled', 'slow-down', 'reset'] as const)(
    'are read on from where it broke: %s',
    async (fault) => {
      const key = `object/${fault}`;
      const content = randomBytes(3 * MIB);
      await other.putObject(key, [content]);
      proxy.plan(fault, get(key), 3);
      const chunks: Buffer[] = [];
      for await (const chunk of await depot.streamObject(key)) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(content)).toBe(true);
      expectNewConnections(3);
      proxy.reset();
      proxy.plan(fault, get(key), 2);
      const range = { offset: 12_345, length: MIB };
      const middle = content.subarray(range.offset, range.offset + range.length);
      expect((await depot.readObject(key, range)).equals(middle)).toBe(true);
      proxy.plan(fault, get(key), 2);
      const reader = await depot.openForRead(key);
      const buffer = Buffer.alloc(MIB);
      await reader.read(buffer, 0, MIB, range.offset);
      expect(buffer.equals(middle)).toBe(true);
    },
  );

  it('do not go on for ever without a byte', async () => {
    await other.putObject('object/endless', [randomBytes(100_000)]);
    proxy.plan('truncated', get('object/endless'), 10_000);
    const stream = await depot.streamObject('object/endless');
    // Half of what is left comes each time, until nothing more does.
    const read = (async () => {
      for await (const _ of stream) await Promise.resolve();
    })();
    await expect(read).rejects.toMatchObject({ code: 'DEPOT_UNAVAILABLE' });
  });

  it.each([...PASSING, ...UNSURE])('are put, large and small: %s', async (fault) => {
    const small = randomBytes(MIB);
    proxy.plan(fault, put(`small/${fault}`), 2);
    await depot.putObject(`small/${fault}`, [small]);
    expectNewConnections(2);
    expect((await other.readObject(`small/${fault}`)).equals(small)).toBe(true);
    proxy.reset();
    const large = randomBytes(19 * MIB);
    proxy.plan(fault, part, 2);
    proxy.plan(fault, ({ method, url }) => method === 'POST' && url.includes('uploadId='), 2);
    await depot.putObject(`large/${fault}`, [large.subarray(0, 7), large.subarray(7)]);
    expect((await other.readObject(`large/${fault}`)).equals(large)).toBe(true);
    expect(proxy.faults).toHaveLength(4);
  });

  it('are moved although the answers are lost', async () => {
    await other.putObject('move/from', [bytesOf('content')]);
    proxy.plan('lost-answer', put('move/to'));
    proxy.plan('lost-answer', ({ method }) => method === 'DELETE');
    await depot.moveObject('move/from', 'move/to');
    expect(proxy.faults).toHaveLength(2);
    expect((await other.readObject('move/to')).toString()).toBe('content');
    expect(await other.statObject('move/from')).toBeNull();
  });

  it('are looked up again when that fails', async () => {
    await other.putObject('stat', [bytesOf('12345')]);
    proxy.plan('broken', head('stat'), 2);
    expect(await depot.statObject('stat')).toEqual({ length: 5 });
  });
});

describe('listings over a bad line', () => {
  it.each(['truncated', 'slow-down', 'silent'] as const)('are complete: %s', async (fault) => {
    const keys = Array.from(
      { length: 20 },
      (_, i) => `many/${fault}/${String(i).padStart(2, '0')}`,
    );
    await Promise.all(keys.map((key) => other.createDocument(key, bytesOf('x'))));
    proxy.plan(fault, ({ url }) => url.includes('list-type=2'), 2);
    expect((await depot.list(`many/${fault}/`)).keys).toEqual(keys);
    expect(proxy.faults).toHaveLength(2);
  });
});
