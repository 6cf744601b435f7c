import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import type { Request, Response } from 'express';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

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
    // As early as a real one can be, which awaits its guards at least.
    queueMicrotask(() => void work(open(request), response));
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

/** A connection on which a body of CONTENT's length has been announced, and nothing of it sent. */
async function headed(): Promise<Socket> {
  // It goes on, or stays, also when the server says that it is done.
  const socket = connect({ ...where(), allowHalfOpen: true }).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: ${CONTENT.length}\r\n\r\n`);
  return socket;
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

/** With the bytes that may come although nobody has asked for them. */
const kinds = [
  ['by the parser', (request: Request) => new RequestBody(request), MIB / 2],
  ['past the parser', (request: Request) => SocketBody.of(request)!, 0],
] as const;

describe.each(kinds)('a body that is read %s', (_, make, mostAhead) => {
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
    const asked = Promise.withResolvers<void>();
    const got = Promise.withResolvers<{ readonly ahead: number; readonly whole: Buffer }>();
    work = async (body, response) => {
      const { socket } = response.req;
      const before = socket.bytesRead;
      asked.resolve();
      const first = await read(body, MIB, MIB);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      const ahead = socket.bytesRead - before - MIB;
      const rest = await read(body, MIB, CONTENT.length - MIB);
      got.resolve({ ahead, whole: Buffer.concat([first, rest]) });
      response.end();
    };
    const socket = await headed();
    await asked.promise;
    socket.write(CONTENT);
    const { ahead, whole } = await got.promise;
    expect(whole.equals(CONTENT)).toBe(true);
    expect(ahead).toBeLessThanOrEqual(mostAhead);
    socket.destroy();
  });

  it('loses nothing that comes when it is not being read', async () => {
    const asked = Promise.withResolvers<void>();
    const got = Promise.withResolvers<Buffer>();
    work = async (body, response) => {
      const { socket } = response.req;
      const before = socket.bytesRead;
      asked.resolve();
      await vi.waitFor(() => expect(socket.bytesRead).toBeGreaterThan(before), { interval: 1 });
      got.resolve(await read(body, MIB, CONTENT.length));
      response.end();
    };
    const socket = await headed();
    await asked.promise;
    socket.write(CONTENT);
    expect((await got.promise).equals(CONTENT)).toBe(true);
    socket.destroy();
  });

  it('ends where its length says, whatever follows', async () => {
    const counts = Promise.withResolvers<number[]>();
    work = async (body, response) => {
      const { socket } = response.req;
      const whole = await read(body, MIB, CONTENT.length);
      // As others do who let the rest of a refused request pass.
      response.req.resume();
      socket.resume();
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      counts.resolve([whole.length, await body.fill(new Uint8Array(1))]);
      body.discard();
      response.end();
    };
    const socket = await headed();
    socket.write(Buffer.concat([CONTENT, Buffer.from('beyond')]));
    expect(await counts.promise).toEqual([CONTENT.length, 0]);
    socket.destroy();
  });

  it('comes after the sender was told to go on', async () => {
    work = async (body, response) => {
      const whole = await read(body, MIB, CONTENT.length);
      response.end(whole.equals(CONTENT) ? 'whole' : 'something else');
    };
    const headers = { ...length, expect: '100-continue' };
    const sent = send({ ...where(), method: 'PUT', headers, agent });
    sent.flushHeaders();
    await once(sent, 'continue');
    sent.end(CONTENT);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    expect((await answer.toArray()).join('')).toBe('whole');
  });

  it('ends with an error when its sender falls silent for too long', async () => {
    const failed = Promise.withResolvers<unknown>();
    work = async (body, response) => {
      // As `server.setTimeout` does to each connection.
      response.req.socket.setTimeout(100);
      await read(body, MIB, CONTENT.length).catch((error: unknown) => failed.resolve(error));
    };
    const socket = await headed();
    socket.write(CONTENT.subarray(0, MIB + 5));
    expect(await failed.promise).toMatchObject({ code: 'ABORTED' });
    socket.destroy();
  });

  it('ends when its server closes all connections, also after a refusal', async () => {
    const [reads, refused] = [Promise.withResolvers<void>(), Promise.withResolvers<Socket>()];
    const failed = Promise.withResolvers<unknown>();
    work = async (body) => {
      await read(body, MIB, MIB);
      reads.resolve();
      await read(body, MIB, MIB).catch((error: unknown) => failed.resolve(error));
    };
    const one = await headed();
    one.write(CONTENT.subarray(0, MIB + 5));
    await reads.promise;
    work = async (body, response) => {
      const { socket } = response.req;
      await read(body, MIB, MIB);
      body.discard();
      response.end('refused', () => refused.resolve(socket));
    };
    const two = await headed();
    two.write(CONTENT.subarray(0, MIB + 5));
    const ended = once(await refused.promise, 'close');
    server.closeAllConnections();
    await ended;
    expect(await failed.promise).toMatchObject({ code: 'ABORTED' });
    one.destroy();
    two.destroy();
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

it('past the parser is not waited for after a refusal, once its sender falls silent', async () => {
  open = (request) => SocketBody.of(request)!;
  const refused = Promise.withResolvers<Socket>();
  work = async (body, response) => {
    const { socket } = response.req;
    socket.setTimeout(100);
    await read(body, MIB, MIB);
    body.discard();
    response.end('refused', () => refused.resolve(socket));
  };
  const sender = await headed();
  sender.write(CONTENT.subarray(0, MIB + 5));
  const [answer] = (await once(sender, 'data')) as [Buffer];
  expect(String(answer)).toContain('refused');
  const socket = await refused.promise;
  if (!socket.destroyed) await once(socket, 'close');
  sender.destroy();
});

it('past the parser is taken to its end after a refusal, so that its sender reads why', async () => {
  open = (request) => SocketBody.of(request)!;
  const refused = Promise.withResolvers<Socket>();
  work = async (body, response) => {
    const { socket } = response.req;
    await read(body, MIB, MIB);
    body.discard();
    response.end('refused', () => refused.resolve(socket));
  };
  const sender = await headed();
  sender.write(CONTENT.subarray(0, MIB));
  const [answer] = (await once(sender, 'data')) as [Buffer];
  expect(String(answer)).toContain('refused');
  const socket = await refused.promise;
  sender.end(CONTENT.subarray(MIB));
  if (!socket.destroyed) await once(socket, 'close');
  // With the head of the request.
  expect(socket.bytesRead).toBeGreaterThan(CONTENT.length);
});
