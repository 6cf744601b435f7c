import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import type { Request, Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bodyOf, type IncomingBody } from './incoming-body.js';
import { RequestBody } from './request-body.js';
import { SocketBody } from './socket-body.js';

const MIB = 1024 * 1024;
const CONTENT = randomBytes(5 * MIB + 77);

type Work = (body: IncomingBody, response: Response) => Promise<void>;
let open: (request: Request) => IncomingBody = bodyOf;
let work: Work;
let server: Server;
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const [request, response] = [incoming as Request, outgoing as Response];
    request.res = response;
    // As late as a real one, which looks for its token first.
    setImmediate(() => void work(open(request), response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  agent.destroy();
  server.close();
});

const where = () => ({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });

/** All of a body, in portions of `size` bytes. */
async function read(body: IncomingBody, size: number, total: number): Promise<Buffer> {
  const portions: Buffer[] = [];
  for (let left = total; left > 0;) {
    const portion = new Uint8Array(new SharedArrayBuffer(Math.min(size, left)));
    const count = await body.fill(portion);
    portions.push(Buffer.from(portion.subarray(0, count)));
    if (count < portion.length) break;
    left -= count;
  }
  return Buffer.concat(portions);
}

async function put(body: Buffer, headers: Record<string, string | number>): Promise<string> {
  const sent = send({ ...where(), method: 'PUT', headers, agent });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return (await answer.toArray()).join('');
}

it('is read past the parser by this Node, if it is long and its length is known', async () => {
  const kinds: boolean[] = [];
  work = async (body, response) => {
    kinds.push(body instanceof SocketBody);
    body.discard();
    response.end();
  };
  await put(CONTENT, { 'content-length': CONTENT.length });
  await put(CONTENT, { 'transfer-encoding': 'chunked' });
  await put(Buffer.alloc(1000), { 'content-length': 1000 });
  expect(kinds).toEqual([true, false, false]);
});

const kinds = [
  ['by the parser', (request: Request) => new RequestBody(request)],
  ['past the parser', (request: Request) => SocketBody.of(request)!],
] as const;

describe.each(kinds)('a body that is read %s', (_, make) => {
  beforeAll(() => void (open = make));
  const length = { 'content-length': CONTENT.length };

  it.each([1000, 65_536, MIB, 8 * MIB])('comes whole in portions of %i bytes', async (size) => {
    const got = Promise.withResolvers<Buffer>();
    work = async (body, response) => {
      got.resolve(await read(body, size, CONTENT.length));
      expect(await body.fill(new Uint8Array(1))).toBe(0);
      response.end('taken');
    };
    expect(await put(CONTENT, length)).toBe('taken');
    expect((await got.promise).equals(CONTENT)).toBe(true);
  });

  it('is not read ahead of who reads it', async () => {
    const stalled = Promise.withResolvers<void>();
    work = async (body, response) => {
      const first = await read(body, MIB, MIB);
      expect(first.equals(CONTENT.subarray(0, MIB))).toBe(true);
      await stalled.promise;
      const rest = await read(body, MIB, CONTENT.length - MIB);
      response.end(rest.equals(CONTENT.subarray(MIB)) ? 'the rest' : 'something else');
    };
    const answer = put(CONTENT, length);
    await new Promise(setImmediate);
    stalled.resolve();
    expect(await answer).toBe('the rest');
  });

  it('ends with an error when its sender goes away', async () => {
    const failed = Promise.withResolvers<unknown>();
    work = async (body) => {
      await read(body, MIB, CONTENT.length).catch((error: unknown) => failed.resolve(error));
    };
    const socket = connect(where());
    socket.write(`PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: ${CONTENT.length}\r\n\r\n`);
    socket.write(CONTENT.subarray(0, 2 * MIB + 5), () => socket.destroy());
    expect(await failed.promise).toMatchObject({ code: 'ABORTED' });
  });

  it('gets its answer when it is refused in the middle, though all of it is sent', async () => {
    work = async (body, response) => {
      await read(body, MIB, MIB);
      body.discard();
      response.statusCode = 422;
      response.end('refused');
    };
    expect(await put(CONTENT, length)).toBe('refused');
  });
});
