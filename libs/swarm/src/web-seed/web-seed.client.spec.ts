import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';

import { retryAfterMs, webSeedUrl } from './web-seed-url.js';
import { WebSeedClient } from './web-seed.client.js';

const FILES = [
  { path: ['a b', 'ü?#.txt'], length: 10 },
  { path: ['big'], length: 300_000 },
  { path: ['empty'], length: 0 },
  { path: ['z'], length: 5 },
];
const LAYOUT = { name: 'the app', single: false, files: FILES };
const PAYLOAD = randomBytes(300_015);
const BY_URL = new Map([
  ['/seed/the%20app/a%20b/%C3%BC%3F%23.txt', PAYLOAD.subarray(0, 10)],
  ['/seed/the%20app/big', PAYLOAD.subarray(10, 300_010)],
  ['/seed/the%20app/z', PAYLOAD.subarray(300_010)],
]);

function sendRange(range: string, content: Buffer, response: ServerResponse): void {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
  const part = content.subarray(Number(start), Number(end) + 1);
  response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${content.length}` });
  response.end(part);
}

const serveAll: RequestListener = (request, response) => {
  const content = BY_URL.get(request.url!);
  if (content) sendRange(request.headers.range!, content, response);
  else response.writeHead(404).end('no such file');
};

describe('WebSeedClient', () => {
  const servers: Server[] = [];
  const clock = new VirtualClock(1000);

  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function client(listener: RequestListener, more: { timeoutMs?: number } = {}) {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WebSeedClient({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/seed`,
      layout: LAYOUT,
      headers: { authorization: 'Bearer key' },
      parallel: 2,
      clock,
      random: seededRandom(1),
      ...more,
    });
  }

  it('reads any range, over files, into the memory it is given', async () => {
    const seen = new Set<string | undefined>();
    let [live, most] = [0, 0];
    const seed = await client((request, response) => {
      seen.add(request.headers.authorization);
      most = Math.max(most, ++live);
      response.on('close', () => live--);
      serveAll(request, response);
    });
    const ranges = [
      [0, PAYLOAD.length],
      [5, 10],
      [100_000, 65_536],
      [300_009, 6],
    ];
    await Promise.all(
      ranges.map(async ([offset, length]) => {
        const target = new Uint8Array(new SharedArrayBuffer(length!));
        await seed.read(offset!, target);
        expect(PAYLOAD.subarray(offset, offset! + length!).equals(target)).toBe(true);
      }),
    );
    expect([...seen]).toEqual(['Bearer key']);
    expect(most).toBeLessThanOrEqual(2);
    await expect(seed.read(PAYLOAD.length, Buffer.alloc(1))).rejects.toThrow(RangeError);
  });

  it('takes a whole file from a server that knows no ranges, and no part of one', async () => {
    const seed = await client((request, response) => response.end(BY_URL.get(request.url!)));
    const target = Buffer.alloc(10);
    await seed.read(0, target);
    expect(target.equals(PAYLOAD.subarray(0, 10))).toBe(true);
    const unavailable = { code: 'PIECE_UNAVAILABLE' };
    await expect(seed.read(10, Buffer.alloc(10))).rejects.toMatchObject(unavailable);
  });

  it.each<[string, RequestListener]>([
    ['too little', (_, response) => response.end('abc')],
    ['too much', (_, response) => response.end(Buffer.alloc(11))],
    ['another range', (_, response) => sendRange('bytes=1-10', PAYLOAD, response)],
    ['that it has no such file', (_, response) => response.writeHead(404).end()],
  ])('refuses a server that says %s', async (_, listener) => {
    const seed = await client(listener);
    const unavailable = { code: 'PIECE_UNAVAILABLE' };
    await expect(seed.read(0, Buffer.alloc(10))).rejects.toMatchObject(unavailable);
    expect(seed.pausedForMs()).toBeGreaterThan(0);
  });

  it('leaves a busy server alone for as long as it asks', async () => {
    let busy = true;
    let asked = 0;
    const seed = await client((request, response) => {
      asked++;
      if (busy) response.writeHead(503, { 'retry-after': '7' }).end();
      else serveAll(request, response);
    });
    const overBudget = { code: 'OVER_BUDGET' };
    await expect(seed.read(0, Buffer.alloc(10))).rejects.toMatchObject(overBudget);
    expect(seed.pausedForMs()).toBe(7000);
    await expect(seed.read(0, Buffer.alloc(10))).rejects.toMatchObject(overBudget);
    expect(asked).toBe(1);
    busy = false;
    clock.advance(7000);
    await seed.read(0, Buffer.alloc(10));
    expect(asked).toBe(2);
  });

  it('tells refusal, failure, silence and absence apart', async () => {
    const codeOf = async (seed: WebSeedClient) =>
      seed.read(0, Buffer.alloc(10)).catch((error: { code: string }) => error.code);
    const refuses = await client((_, response) => response.writeHead(403).end());
    const fails = await client((_, response) => response.writeHead(500).end());
    const hangsUp = await client((request) => request.socket.destroy());
    const stalls = await client(() => {}, { timeoutMs: 50 });
    expect(await Promise.all([refuses, fails, hangsUp, stalls].map(codeOf))).toEqual([
      'FORBIDDEN',
      'ORIGIN_UNREACHABLE',
      'ORIGIN_UNREACHABLE',
      'TIMED_OUT',
    ]);
  });

  it('stops when the signal aborts, which is no fault of the server', async () => {
    const seed = await client(() => {});
    const abort = new AbortController();
    const reading = seed.read(0, Buffer.alloc(10), abort.signal);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(seed.pausedForMs()).toBe(0);
  });
});

describe('webSeedUrl', () => {
  it('appends the name of a single file only to a folder', () => {
    const layout = { name: 'b c.tgz', single: true };
    expect(webSeedUrl('http://h/x', layout, ['b c.tgz'])).toBe('http://h/x');
    expect(webSeedUrl('http://h/x/', layout, ['b c.tgz'])).toBe('http://h/x/b%20c.tgz');
  });

  it('puts a tree below its name, with or without a slash, before the query', () => {
    const layout = { name: 'n', single: false };
    for (const url of ['http://h/x', 'http://h/x/']) {
      expect(webSeedUrl(url, layout, ['a', '100%'])).toBe('http://h/x/n/a/100%25');
    }
    expect(webSeedUrl('http://h/x?k=1', layout, ['a'])).toBe('http://h/x/n/a?k=1');
  });
});

describe('retryAfterMs', () => {
  it('reads seconds and dates', () => {
    expect(retryAfterMs('120', 0)).toBe(120_000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:09 GMT', 4000)).toBe(5000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:01 GMT', 4000)).toBe(0);
    expect([retryAfterMs('soon', 0), retryAfterMs(undefined, 0)]).toEqual([null, null]);
  });
});
