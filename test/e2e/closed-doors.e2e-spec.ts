import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CreatedToken, SwarmTicket } from '#lib/contracts';
import { buildAnnounceUrl, buildScrapeUrl, decodeAnnounceAnswer, peerIdOf } from '#lib/wire';

import { callApi, tokenWith, type ApiCall, type Refusal } from '../support/origin-api.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { announceOverUdp } from '../support/udp-tracker.js';
import { until } from '../support/waiting.js';

let sandbox: Sandbox;
let origin: OriginProcess;
/** Artifacts of two apps, and their content. */
const artifacts: Record<string, string> = {};
const content = randomBytes(200_000);

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin(undefined, { args: ['--udp-tracker', '127.0.0.1:0'] });
  const tree = await sandbox.tree({ web: content, other: randomBytes(100_000) });
  for (const app of ['web', 'other']) {
    const push = ['push', `${tree}/${app}`, '--app', app, '--version', '1', '--channel', 'stable'];
    artifacts[app] = String((await origin.json(...push))['artifact']);
  }
});
afterAll(() => sandbox.close());

function ticketOf(app: string): Promise<SwarmTicket> {
  const path = `/api/v1/artifacts/${artifacts[app]}/ticket`;
  return callApi<SwarmTicket>(origin, 'GET', path).then(({ body }) => body);
}

interface Route {
  readonly method: string;
  readonly path: string;
}

/** Answered without a token: harmless, or the proof is inside. */
const OPEN = [
  'GET /api/v1/service',
  'POST /api/v1/agent/join',
  'POST /api/v1/agent/challenge',
  'POST /api/v1/agent/session',
  'GET /healthz',
  'GET /readyz',
];

/** Every route that the service describes, with parameters that name something which is there. */
async function routes(): Promise<Route[]> {
  type Description = { paths: Record<string, Record<string, unknown>> };
  const { status, body } = await callApi<Description>(origin, 'GET', '/api/docs-json', {
    token: null,
  });
  expect(status).toBe(200);
  return Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

function filled(path: string): string {
  const values: Record<string, string> = {
    app: 'web',
    version: '1',
    channel: 'stable',
    hash: artifacts['web']!,
    artifact: artifacts['web']!,
    object: 'f0',
    part: '0',
  };
  return path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'a'.repeat(32));
}

async function closedRoutes(): Promise<Route[]> {
  const all = await routes();
  return all.filter(({ method, path }) => !OPEN.includes(`${method} ${path}`));
}

/** What each of these routes answers, as `METHOD path: status code`. */
function answers(closed: readonly Route[], call: ApiCall): Promise<string[]> {
  return Promise.all(
    closed.map(async ({ method, path }) => {
      const { status, body } = await callApi<Partial<Refusal>>(origin, method, filled(path), call);
      return `${method} ${path}: ${status} ${body.code}`;
    }),
  );
}

function all(closed: readonly Route[], outcome: string): string[] {
  return closed.map(({ method, path }) => `${method} ${path}: ${outcome}`);
}

describe('the API', () => {
  it('describes what it has, and opens only what needs no token', async () => {
    const known = (await routes()).map(({ method, path }) => `${method} ${path}`);
    expect(known.length).toBeGreaterThan(35);
    for (const route of OPEN) expect(known).toContain(route);
  });

  it('answers no route without a token', async () => {
    const closed = await closedRoutes();
    expect(await answers(closed, { token: null })).toEqual(all(closed, '401 TOKEN_MISSING'));
  });

  it('answers no route with a token that is not one of its own', async () => {
    const closed = await closedRoutes();
    const almost = `${origin.adminToken.slice(0, -1)}${origin.adminToken.endsWith('A') ? 'B' : 'A'}`;
    for (const token of ['nonsense', almost]) {
      expect(await answers(closed, { token })).toEqual(all(closed, '401 TOKEN_INVALID'));
    }
  });

  it('does not take the token of machines that want to join for one', async () => {
    const closed = await closedRoutes();
    const token = readFileSync(`${origin.data}/join-token`, 'utf8').trim();
    const told = await answers(closed, { token });
    expect(told.filter((line) => !/: 40[13] (?:TOKEN_INVALID|FORBIDDEN)$/.test(line))).toEqual([]);
  });

  it('gives nothing of an app to who may read another one', async () => {
    const token = await tokenWith(origin, 'app:other:read');
    const told = await answers(await closedRoutes(), { token });
    const open = told.filter((line) => !/: (?:403|404) /.test(line));
    expect(open.sort()).toEqual([
      'GET /api/v1/apps: 200 undefined',
      'GET /api/v1/whoami: 200 undefined',
      // It may report what it pulled itself; the body is lacking here.
      'POST /api/v1/ledger/records: 400 REQUEST_INVALID',
    ]);
    type Apps = { items: { app: string }[] };
    const { body } = await callApi<Apps>(origin, 'GET', '/api/v1/apps', { token });
    expect(body.items.map(({ app }) => app)).toEqual(['other']);
  });

  it('lets who may only read change nothing', async () => {
    const token = await tokenWith(origin, 'app:*:read', 'fleet:read');
    const closed = (await closedRoutes()).filter(({ method }) => method !== 'GET');
    const told = await answers(closed, { token });
    const open = told.filter((line) => !line.endsWith(': 403 FORBIDDEN'));
    // Readers report what they pulled; the body is lacking here.
    expect(open).toEqual(['POST /api/v1/ledger/records: 400 REQUEST_INVALID']);
  });

  it('lets who may push not move a channel, and the other way round', async () => {
    const [push, release] = [
      await tokenWith(origin, 'app:web:push'),
      await tokenWith(origin, 'app:web:release'),
    ];
    const move = { json: { version: '1' } };
    const channel = '/api/v1/apps/web/channels/stable';
    expect((await callApi(origin, 'PUT', channel, { ...move, token: push })).status).toBe(403);
    expect((await callApi(origin, 'PUT', channel, { ...move, token: release })).status).toBe(200);
    const send = { body: 'x', token: release };
    const at = '/api/v1/apps/web/releases/2/content';
    expect((await callApi(origin, 'PUT', at, send)).body.code).toBe('FORBIDDEN');
    const both = { body: 'x', token: push };
    expect((await callApi(origin, 'PUT', `${at}?channel=stable`, both)).body.code).toBe(
      'FORBIDDEN',
    );
  });

  it('ends a token when it expires or is revoked', async () => {
    const json = { name: 'short', scopes: ['app:web:read'], expiresInSeconds: 1 };
    const short = await callApi<CreatedToken>(origin, 'POST', '/api/v1/tokens', { json });
    const ask = (token: string) =>
      callApi(origin, 'GET', '/api/v1/apps/web/releases/1', { token }).then(
        ({ status, body }) => `${status} ${body.code}`,
      );
    await until('the token expires', async () => {
      return (await ask(short.body.secret)) === '401 TOKEN_EXPIRED';
    });
    const file = sandbox.path('expired');
    writeFileSync(file, short.body.secret);
    const shown = await origin.run(['release', 'show', 'web@1', '--token-file', file, '--json']);
    expect(shown.exit).toBe(3);
    expect(shown.json()).toMatchObject({ error: { code: 'TOKEN_EXPIRED' } });

    const long = await callApi<CreatedToken>(origin, 'POST', '/api/v1/tokens', {
      json: { name: 'long', scopes: ['app:web:read'] },
    });
    expect(await ask(long.body.secret)).toBe('200 undefined');
    await callApi(origin, 'DELETE', `/api/v1/tokens/${long.body.token}`);
    expect(await ask(long.body.secret)).toBe('401 TOKEN_INVALID');
  });
});

describe('the ledger', () => {
  it('takes no account of an artifact from who may not read it', async () => {
    const token = await tokenWith(origin, 'app:other:read');
    const bytes = { delivered: 1, fromOrigin: 0, fromPeers: 1, reused: 0, wasted: 0 };
    const record = {
      session: 'made-up-session',
      sequence: 1,
      at: Date.now(),
      artifact: artifacts['web'],
      app: 'web',
      version: '1',
      completed: true,
      ...bytes,
      seconds: 1,
    };
    const json = { records: [record] };
    const told = await callApi(origin, 'POST', '/api/v1/ledger/records', { token, json });
    expect(told.status).toBeGreaterThanOrEqual(403);
    const { body } = await callApi<{ delivered: number }>(origin, 'GET', '/api/v1/savings');
    expect(body.delivered).toBe(0);
  });
});

describe('the metrics', () => {
  it('are for tokens that may read the fleet', async () => {
    const read = <T = Refusal>(token: string | null) =>
      callApi<T>(origin, 'GET', '/metrics', { token });
    expect((await read(null)).body.code).toBe('TOKEN_MISSING');
    expect((await read('nonsense')).status).toBe(401);
    expect((await read(await tokenWith(origin, 'app:web:read'))).body.code).toBe('FORBIDDEN');
    const { status, body } = await read<string>(await tokenWith(origin, 'fleet:read'));
    expect(status).toBe(200);
    expect(body).toMatch(/^# TYPE fleetseed_/m);
  });
});

describe('joining', () => {
  const machine = {
    publicKey: randomBytes(32).toString('base64url'),
    hostname: 'stranger',
    labels: {},
    agentVersion: '0',
  };
  const join = (token: string | null) =>
    callApi(origin, 'POST', '/api/v1/agent/join', { token, json: machine });

  it('is refused without a join token, and with any other secret', async () => {
    expect((await join(null)).body.code).toBe('TOKEN_MISSING');
    for (const token of ['nonsense', origin.adminToken, await tokenWith(origin, 'admin')]) {
      const { status, body } = await join(token);
      expect(`${status} ${body.code}`).toBe('403 JOIN_REFUSED');
    }
    const { body } = await callApi<{ items: unknown[] }>(origin, 'GET', '/api/v1/targets');
    expect(body.items).toEqual([]);
  });

  it('is refused with a join token that is used up', async () => {
    const json = { name: 'once', uses: 1 };
    const made = await callApi<CreatedToken>(origin, 'POST', '/api/v1/join-tokens', { json });
    expect((await join(made.body.secret)).status).toBe(200);
    const again = await callApi(origin, 'POST', '/api/v1/agent/join', {
      token: made.body.secret,
      json: { ...machine, publicKey: randomBytes(32).toString('base64url') },
    });
    expect(again.body.code).toBe('JOIN_REFUSED');
  });

  it('does not open a session to who cannot prove the key', async () => {
    const json = { name: 'proof', uses: 1 };
    const made = await callApi<CreatedToken>(origin, 'POST', '/api/v1/join-tokens', { json });
    const joined = await callApi<{ target: string }>(origin, 'POST', '/api/v1/agent/join', {
      token: made.body.secret,
      json: machine,
    });
    const { target } = joined.body;
    const asked = await callApi<{ challenge: string }>(origin, 'POST', '/api/v1/agent/challenge', {
      token: null,
      json: { target },
    });
    const { status, body } = await callApi(origin, 'POST', '/api/v1/agent/session', {
      token: null,
      json: {
        target,
        challenge: asked.body.challenge,
        instance: 'x'.repeat(24),
        signature: randomBytes(64).toString('base64url'),
        hostname: machine.hostname,
        labels: {},
        agentVersion: '0',
        peerAddress: '127.0.0.1:1',
      },
    });
    expect(`${status} ${body.code}`).toBe('401 IDENTITY_PROOF_INVALID');
  });

  it('with a wrong token ends an agent with exit code 3, naming what is wrong', async () => {
    const file = sandbox.path('wrong-join-token');
    writeFileSync(file, 'nonsense\n');
    const { service } = await sandbox.agent(origin, undefined, {
      args: ['--join-token-file', file],
    });
    expect(await service.ended).toBe(3);
    expect(service.stderr).toContain('JOIN_REFUSED');
  });
});

describe('the tracker', () => {
  /** What it refuses with; null when it answers. */
  async function refusal(key: string | null, app: string): Promise<string | null> {
    const infoHash = Buffer.from(artifacts[app]!, 'hex').subarray(0, 20);
    const base = key === null ? `${origin.url}/announce` : `${origin.url}/announce/${key}/announce`;
    const announce = buildAnnounceUrl(base, {
      infoHash,
      peerId: peerIdOf(),
      port: 6881,
      uploaded: 0,
      downloaded: 0,
      left: 1,
      event: 'started',
      numWant: 50,
      compact: true,
      noPeerId: true,
    });
    const answer = await fetch(announce);
    const told = decodeAnnounceAnswer(Buffer.from(await answer.arrayBuffer()));
    const scraped = await (await fetch(buildScrapeUrl(base, [infoHash])!)).text();
    if (!('reason' in told)) return null;
    expect(scraped).not.toContain('complete');
    return told.reason;
  }

  it('answers nobody without a key, with a forged key, or with the key of another artifact', async () => {
    const key = (await ticketOf('web')).announce[0]![0]!.split('/').at(-2)!;
    const forged = `${key.slice(0, -1)}${key.endsWith('A') ? 'Q' : 'A'}`;
    expect(await refusal(key, 'web')).toBeNull();
    expect(await refusal(null, 'web')).toMatch(/\([A-Z_]+\)$/);
    expect(await refusal(forged, 'web')).toContain('TRACKER_KEY_INVALID');
    expect(await refusal(key, 'other')).toContain('TRACKER_KEY_INVALID');
    expect(await refusal('x'.repeat(2000), 'web')).toContain('TRACKER_KEY_INVALID');
  });

  it('does so over UDP, too', async () => {
    const { udpTracker } = await origin.service.event('ready');
    const infoHash = Buffer.from(artifacts['web']!, 'hex').subarray(0, 20);
    const ask = async (urlData: string) => {
      const answer = await announceOverUdp(String(udpTracker), infoHash, urlData);
      return answer.action === 'error' ? answer.message : answer.action;
    };
    const { pathname } = new URL((await ticketOf('web')).announce[0]![0]!);
    const other = new URL((await ticketOf('other')).announce[0]![0]!);
    expect(await ask(pathname)).toBe('announce');
    for (const urlData of ['', '/announce', '/announce/nonsense/announce', other.pathname]) {
      expect(await ask(urlData)).toMatch(/TRACKER_KEY_INVALID|key/i);
    }
  });

  it('forgets a key with the token it was made for', async () => {
    const json = { name: 'ci', scopes: ['app:web:read'] };
    const made = await callApi<CreatedToken>(origin, 'POST', '/api/v1/tokens', { json });
    const path = `/api/v1/artifacts/${artifacts['web']}/ticket`;
    const { body } = await callApi<SwarmTicket>(origin, 'GET', path, { token: made.body.secret });
    const key = body.announce[0]![0]!.split('/').at(-2)!;
    expect(await refusal(key, 'web')).toBeNull();
    await callApi(origin, 'DELETE', `/api/v1/tokens/${made.body.token}`);
    expect(await refusal(key, 'web')).toContain('TRACKER_KEY_INVALID');
  });
});

describe('the web seed', () => {
  it('sends content only to who shows a key for it', async () => {
    const { webSeed } = await ticketOf('web');
    const right = new URL(webSeed!).pathname;
    const get = (path: string, call: ApiCall = { token: null }) =>
      callApi(origin, 'GET', path, call).then(({ status }) => status);
    const sent = await fetch(webSeed!);
    expect(Buffer.from(await sent.arrayBuffer()).equals(content)).toBe(true);

    const [, , key = ''] = right.split('/');
    expect(await get(right.replace(key, '-'))).toBe(401);
    expect(await get(right.replace(key, 'nonsense'))).toBe(403);
    const otherKey = new URL((await ticketOf('other')).webSeed!).pathname.split('/')[2]!;
    expect(await get(right.replace(key, otherKey))).toBe(403);
    const token = await tokenWith(origin, 'app:other:read');
    expect(await get(right.replace(key, '-'), { token })).toBeGreaterThanOrEqual(403);
    expect(await get(`${right}/../../../admin-token`)).toBeGreaterThanOrEqual(400);
    expect(await get(`${right}%2f..%2f..%2fadmin-token`)).toBeGreaterThanOrEqual(400);
  });
});
