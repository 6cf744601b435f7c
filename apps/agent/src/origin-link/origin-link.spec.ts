import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ERROR_CODES, type AgentEvent, type ErrorCode } from '#lib/contracts';
import { seededRandom, silentLogger, VirtualClock } from '#lib/runtime';

import { loadIdentity } from '../identity/identity.js';
import { AgentSession } from './agent-session.js';
import { OriginLink, type LinkEvents } from './origin-link.js';

/** The parts of an origin that the control link needs, as strict as it likes to be. */
class TinyOrigin {
  readonly asked: string[] = [];
  refusals: ErrorCode[] = [];
  isKnown = true;
  token = 'token-1';
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  tell(event: AgentEvent): void {
    for (const stream of this.#streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  count(path: string): number {
    return this.asked.filter((each) => each === path).length;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    await once(request, 'end');
    const path = request.url!.replace('/api/v1/agent/', '');
    this.asked.push(path);
    const code = this.#refusal(path, request);
    if (code) return fail(response, code);
    if (path === 'events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      this.#streams.add(response);
      return this.tell({ type: 'hello', bootEpoch: 'one' });
    }
    if (path === 'join') this.isKnown = true;
    response.end(JSON.stringify(this.#body(path)));
  }

  #refusal(path: string, { headers }: IncomingMessage): ErrorCode | null {
    if (path === 'session')
      return this.isKnown ? (this.refusals.shift() ?? null) : 'TARGET_NOT_FOUND';
    if (path === 'join') return this.isKnown ? 'JOIN_REFUSED' : null;
    if (path === 'challenge') return null;
    return headers.authorization === `Bearer ${this.token}` ? null : 'TOKEN_INVALID';
  }

  #body(path: string): unknown {
    if (path === 'challenge') return { challenge: 'c' };
    if (path === 'join') return { target: 'a'.repeat(40) };
    if (path === 'tickets') return { tickets: [] };
    return { token: this.token, expiresAt: 1e15, bootEpoch: 'one' };
  }
}

function fail(response: ServerResponse, code: ErrorCode): void {
  const { status } = ERROR_CODES[code];
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  const problem = { type: 'about:blank', title: code, status, code, detail: 'No.' };
  response.end(JSON.stringify(problem));
}

let origin: TinyOrigin;
let session: AgentSession;
let link: OriginLink;
let clock: VirtualClock;
let stop: AbortController;

beforeEach(async () => {
  origin = new TinyOrigin();
  clock = new VirtualClock(1);
  stop = new AbortController();
  const file = join(await mkdtemp(join(tmpdir(), 'link-')), 'identity.json');
  session = new AgentSession({
    origin: await origin.listen(),
    identity: await loadIdentity(file, null),
    joinToken: async () => 'join',
    version: '1',
    facts: () => ({
      hostname: 'h',
      labels: {},
      agentVersion: '1',
      peerAddress: '127.0.0.1:1',
      instance: 'i'.repeat(16),
    }),
    clock,
    logger: silentLogger,
  });
  const random = seededRandom(1);
  link = new OriginLink({ session, follows: [], clock, random, logger: silentLogger });
});

afterEach(async () => {
  stop.abort();
  await session.close();
  await origin.close();
});

function events(heard: string[] = [], on: () => void = () => {}): LinkEvents {
  const tell = (what: string) => () => {
    heard.push(what);
    on();
  };
  return {
    onConnected: tell('connected'),
    onLost: tell('lost'),
    onNewEpoch: tell('epoch'),
    onDesired: tell('desired'),
    onWatch: tell('watch'),
  };
}

/** Runs the link until it is up. */
async function connected(): Promise<void> {
  const up = Promise.withResolvers<void>();
  const running = link.run(
    events([], () => link.isUp && up.resolve()),
    stop.signal,
  );
  await Promise.race([up.promise, running]);
}

describe('OriginLink', () => {
  it('joins once, however many need a session at that moment', async () => {
    origin.isKnown = false;
    const asked = [1, 2, 3].map(() => link.tickets([], stop.signal));
    await connected();
    await Promise.all(asked);
    expect(origin.count('join')).toBe(1);
    expect(link.isUp).toBe(true);
  });

  it('opens one new session when the origin forgot it, however many find out', async () => {
    await link.tickets([], stop.signal);
    origin.token = 'token-2';
    await Promise.all([1, 2, 3, 4].map(() => link.tickets([], stop.signal)));
    expect(origin.count('session')).toBe(2);
  });

  it('bears another session with its identity for a while when it starts', async () => {
    origin.refusals = ['DUPLICATE_IDENTITY', 'DUPLICATE_IDENTITY'];
    await connected();
    expect(link.isUp).toBe(true);
  });

  it('ends when that one stays', async () => {
    origin.refusals = Array.from({ length: 9 }, () => 'DUPLICATE_IDENTITY');
    const running = link.run(events(), stop.signal);
    await expect.poll(() => origin.count('session')).toBe(1);
    clock.advance(20_000);
    await expect(running).rejects.toMatchObject({ code: 'DUPLICATE_IDENTITY' });
    expect(origin.count('session')).toBe(2);
  });

  it('tells of a new epoch, of wishes, and of the end', async () => {
    const heard: string[] = [];
    const running = link.run(events(heard), stop.signal);
    await expect.poll(() => heard).toEqual(['connected']);
    origin.tell({ type: 'hello', bootEpoch: 'two' });
    origin.tell({ type: 'desired', apps: [] });
    await expect.poll(() => heard).toEqual(['connected', 'connected', 'epoch', 'desired']);
    stop.abort();
    await running;
    expect(heard.at(-1)).toBe('lost');
    expect(link.isUp).toBe(false);
  });
});
