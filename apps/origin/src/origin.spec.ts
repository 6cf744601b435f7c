import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkConfig } from './config/config-parser.js';
import { startOrigin, type RunningOrigin } from './origin.js';

let folder: string;
let origin: RunningOrigin;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-origin-'));
  origin = await startOrigin(checkConfig({ data: folder, listen: '127.0.0.1:0' }));
});

afterAll(async () => {
  await origin.close();
  await rm(folder, { recursive: true });
});

describe('origin', () => {
  it('tells the ports it really has', () => {
    expect(origin.ready).toMatchObject({
      event: 'ready',
      api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/),
      pid: process.pid,
    });
  });

  it('answers probes and says who it is without a token', async () => {
    const health = await fetch(new URL('/healthz', origin.ready.api));
    const ready = await fetch(new URL('/readyz', origin.ready.api));
    const service = await fetch(`${origin.ready.api}/api/v1/service`);
    expect([health.status, ready.status, service.status]).toEqual([200, 200, 200]);
    expect(await service.json()).toMatchObject({ service: 'fleetseed', api: 1 });
    expect(service.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('describes its API, with its page from its own files', async () => {
    const document = await fetch(new URL('/api/docs-json', origin.ready.api));
    expect(await document.json()).toMatchObject({
      openapi: expect.stringMatching(/^3\./),
      paths: {
        '/api/v1/apps/{app}/uploads': {
          post: { requestBody: { content: { 'application/json': { schema: {} } } } },
        },
        '/api/v1/apps/{app}/channels/{channel}': { put: {} },
      },
    });
    const page = await fetch(new URL('/api/docs', origin.ready.api));
    expect([page.status, (await page.text()).includes('swagger-ui')]).toEqual([200, true]);
    const script = await fetch(new URL('/api/docs/swagger-ui-bundle.js', origin.ready.api));
    expect([script.status, (await script.text()).length > 100_000]).toEqual([200, true]);
  });

  it('answers problems in one form', async () => {
    const lost = await fetch(`${origin.ready.api}/api/v1/nothing/here`);
    expect(lost.status).toBe(404);
    expect(lost.headers.get('content-type')).toContain('application/problem+json');
    expect(await lost.json()).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    const stranger = await fetch(`${origin.ready.api}/api/v1/whoami`);
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toContain('Bearer');
    expect(await stranger.json()).toMatchObject({ code: 'TOKEN_MISSING' });
  });
});
