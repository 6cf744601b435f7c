import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { knownCode } from '../errors/fleetseed.error.js';
import { HttpClient } from './http-client.js';

let server: Server | null = null;
let client: HttpClient | null = null;
afterEach(async () => {
  await client?.close();
  server?.closeAllConnections();
  server?.close();
});

async function against(listener: RequestListener): Promise<HttpClient> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = new HttpClient({
    origin: `http://127.0.0.1:${port}`,
    token: () => null,
    userAgent: 'test',
  });
  return client;
}

const Answer = z.object({ is: z.string() });
const get = { method: 'GET', path: '/', answer: Answer } as const;

describe('HttpClient', () => {
  it('tries again when a connection breaks in the middle of an answer', async () => {
    let requests = 0;
    const origin = await against((_, response) => {
      requests++;
      if (requests > 1) {
        response.end('{"is":"whole"}');
        return;
      }
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"is":', () => response.destroy());
    });
    expect(await origin.call(get)).toEqual({ is: 'whole' });
    expect(requests).toBe(2);
  });

  it('says that the origin cannot be reached when it breaks each time', async () => {
    const origin = await against((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{', () => response.destroy());
    });
    await expect(origin.call({ ...get, attempts: 1 })).rejects.toMatchObject({
      code: 'ORIGIN_UNREACHABLE',
    });
  });

  it('gives an answer that comes to a halt no more than its time', async () => {
    const origin = await against((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{');
    });
    await expect(origin.call({ ...get, timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
  });

  it('tells a stream that broke from one that says what is not understood', async () => {
    const origin = await against((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"is":"one"}\n\n');
      response.write('data: {"was":"two"}\n\n', () => response.destroy());
    });
    const { signal } = new AbortController();
    const strict = origin.events('/', Answer, signal);
    expect((await strict.next()).value).toEqual({ is: 'one' });
    await expect(strict.next()).rejects.toMatchObject({ code: 'INTERNAL' });
    const loose = origin.events('/', z.unknown(), signal);
    await loose.next();
    await loose.next();
    await expect(loose.next()).rejects.toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
  });
});

describe('knownCode', () => {
  it('takes no word for a code that only every object has', () => {
    expect([knownCode('NO_PEERS'), knownCode('toString')]).toEqual(['NO_PEERS', 'INTERNAL']);
  });
});
