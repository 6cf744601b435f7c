import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { LimitsChange } from '#lib/contracts';
import { silentLogger } from '#lib/runtime';

import { LocalApi, type LocalApiOptions } from './local-api.js';

let socket: string;
let options: LocalApiOptions;
let api: LocalApi;
let client: Agent;
let changes: LimitsChange[] = [];

beforeEach(async () => {
  socket = join(await mkdtemp(join(tmpdir(), 'local-api-')), 'agent.sock');
  await writeFile(socket, 'left behind');
  options = {
    socket,
    logger: silentLogger,
    status: () => ({
      target: 'a'.repeat(40),
      hostname: 'host-1',
      version: '0.1.0',
      connected: false,
      peerAddress: '127.0.0.1:7071',
      apps: [],
      limits: { upload: null, download: null, artifacts: [] },
    }),
    limit: (change) => {
      changes.push(change);
      return { upload: 5, download: null, artifacts: [] };
    },
    metrics: () => ({
      received: { origin: 1, peer: 2, reuse: 3 },
      wasted: 4,
      fromAfar: 1,
      sent: 5,
      peers: 6,
      read: 8,
      limits: { upload: 1000, download: null },
      seeding: 7,
      connected: true,
      version: '0.1.0',
    }),
  };
  api = new LocalApi(options);
  await api.listen();
  client = new Agent({ connect: { socketPath: socket } });
});

afterEach(async () => {
  await client.close();
  await api.close();
});

async function get(path: string): Promise<{ status: number; text: string }> {
  const answer = await request(`http://agent${path}`, { dispatcher: client });
  return { status: answer.statusCode, text: await answer.body.text() };
}

describe('LocalApi', () => {
  it('takes the place of a socket left behind, and lets only its own user in', async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const { status, text } = await get('/status');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ hostname: 'host-1', connected: false });
  });

  it('shows metrics that Prometheus reads', async () => {
    const { text } = await get('/metrics');
    expect(text).toContain('# TYPE fleetseed_agent_received_bytes_total counter\n');
    expect(text).toContain('fleetseed_agent_received_bytes_total{source="peer"} 2\n');
    expect(text).toMatch(/^fleetseed_agent_peers 6$/m);
  });

  it('shows and changes limits', async () => {
    const change = (body: string) =>
      request('http://agent/limits', { dispatcher: client, method: 'PATCH', body });
    changes = [];
    const { statusCode, body } = await change('{"upload":1000000,"download":null}');
    expect(statusCode).toBe(200);
    expect(await body.json()).toEqual({ upload: 5, download: null, artifacts: [] });
    expect(changes).toEqual([{ upload: 1_000_000, download: null }]);
    for (const wrong of ['{}', '{"upload":0}', '{"up":1}', 'x', `"${'x'.repeat(100_000)}"`]) {
      const answer = await change(wrong);
      expect(answer.statusCode).toBe(400);
      expect(await answer.body.json()).toMatchObject({ code: 'REQUEST_INVALID' });
    }
    expect(changes).toHaveLength(1);
    expect(JSON.parse((await get('/limits')).text)).toMatchObject({ upload: null });
    expect((await get('/metrics')).text).toContain(
      'fleetseed_agent_limit_bytes_per_second{direction="up"} 1000\n',
    );
  });

  it('answers 404 to the rest', async () => {
    expect((await get('/')).status).toBe(404);
  });

  it('says which setting is wrong when a path is too long for a socket', async () => {
    const long = new LocalApi({ ...options, socket: `/tmp/${'x'.repeat(200)}` });
    await expect(long.listen()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('--local-api') as string,
    });
  });

  it('does not touch how files are made meanwhile', async () => {
    const mask = process.umask();
    const other = new LocalApi({ ...options, socket: `${socket}-2` });
    const listening = other.listen();
    for (let turn = 0; turn < 20; turn++) {
      expect(process.umask()).toBe(mask);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await listening;
    await other.close();
  });
});
