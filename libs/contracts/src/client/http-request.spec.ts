import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { HttpConnections, HttpTimeoutError } from './http-connections.js';
import { dropBody, httpRequest, type HttpRequestOptions } from './http-request.js';

let server: Server | null = null;
const connections = new HttpConnections();
afterEach(() => {
  connections.destroy();
  server?.closeAllConnections();
  server?.close();
});

async function serving(listener: RequestListener) {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return (options: HttpRequestOptions = {}) =>
    httpRequest(`http://127.0.0.1:${port}/`, { connections, ...options });
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(body)).toString();
}

describe('httpRequest', () => {
  it('sends a body with its length, and uses a connection again', async () => {
    const ask = await serving((request, response) => {
      const { method, headers } = request;
      response.writeHead(418, { 'x-length': headers['content-length'] ?? '', 'x-method': method });
      request.pipe(response);
    });
    const opened: unknown[] = [];
    server!.on('connection', (socket) => opened.push(socket));
    for (const body of ['text', Buffer.from('bytes')]) {
      const answer = await ask({ method: 'PUT', body });
      expect(answer.statusCode).toBe(418);
      expect(answer.headers).toMatchObject({ 'x-length': String(body.length), 'x-method': 'PUT' });
      expect(await textOf(answer.body)).toBe(body.toString());
    }
    await dropBody((await ask()).body);
    await dropBody((await ask()).body);
    expect(opened).toHaveLength(1);
  });

  it('ends when the server is silent, before its answer and within', async () => {
    const silent = await serving(() => {});
    await expect(silent({ silenceMs: 20 })).rejects.toThrow(HttpTimeoutError);
    server!.close();
    const halting = await serving((_, response) => response.writeHead(200).write('half'));
    const { body } = await halting({ silenceMs: 20 });
    await expect(textOf(body)).rejects.toThrow(HttpTimeoutError);
  });

  it('takes a reader that is slow for no silence of the server', async () => {
    const ask = await serving((_, response) => response.end(Buffer.alloc(1024 * 1024)));
    const { body } = await ask({ silenceMs: 500 });
    let length = 0;
    for await (const chunk of body) {
      if (length === 0) await pause(1000);
      length += chunk.length;
    }
    expect(length).toBe(1024 * 1024);
  });

  it('fails with the reason of the signal, before, during and after the answer has begun', async () => {
    const reason = new Error('enough');
    const ask = await serving((_, response) => response.writeHead(200).write('half'));
    await expect(ask({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const early = new AbortController();
    const asked = ask({ signal: early.signal });
    early.abort(reason);
    await expect(asked).rejects.toBe(reason);

    const late = new AbortController();
    const { body } = await ask({ signal: late.signal });
    const read = textOf(body);
    late.abort(reason);
    await expect(read).rejects.toBe(reason);
  });

  it('survives a connection that breaks while nobody reads the answer', async () => {
    const ask = await serving((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => request.socket.destroy(), 10);
    });
    const { body } = await ask();
    await pause(50);
    await expect(textOf(body)).rejects.toThrow('aborted');
  });

  it('breaks what is under way when the connections are destroyed', async () => {
    const ask = await serving((_, response) => response.writeHead(200).write('half'));
    const own = new HttpConnections();
    const { body } = await ask({ connections: own });
    const read = textOf(body);
    own.destroy();
    await expect(read).rejects.toThrow('aborted');
  });
});
