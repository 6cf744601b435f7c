import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CreatedToken, Page, TokenSummary } from '#lib/contracts';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

let origin: TestOrigin;

beforeAll(async () => {
  origin = await TestOrigin.start();
  await origin.push('web', new TestTree({ a: noise(100, 'a') }, { version: '1' }));
});
afterAll(() => origin.stop());

const refusal = async (path: string, token: string | null, method = 'GET') => {
  const { status, body } = await origin.call<{ code?: string; detail?: string }>(method, path, {
    token,
    ...(method === 'PUT' ? { json: { version: '1' } } : {}),
  });
  return { status, code: body.code, detail: body.detail };
};

describe('tokens', () => {
  it('of the files are made at the first start, readable by the owner alone', async () => {
    for (const name of ['admin-token', 'join-token']) {
      const { mode } = await stat(join(origin.folder, name));
      expect(mode & 0o777).toBe(0o600);
    }
    expect((await origin.call('GET', '/whoami')).body).toEqual({
      name: 'admin',
      scopes: ['admin'],
    });
  });

  it('are wanted on every route but a few', async () => {
    expect(await refusal('/apps', null)).toMatchObject({ status: 401, code: 'TOKEN_MISSING' });
    expect(await refusal('/apps', 'nonsense')).toMatchObject({
      status: 401,
      code: 'TOKEN_INVALID',
    });
    const made = `fst_${'0'.repeat(16)}_${'a'.repeat(43)}00000000`;
    expect(await refusal('/apps', made)).toMatchObject({ status: 401, code: 'TOKEN_INVALID' });
  });

  it('may do what their scopes say, and are told what lacks', async () => {
    const { secret } = await origin.token('app:web:read');
    expect((await origin.call('GET', '/apps/web/releases/1', { token: secret })).status).toBe(200);
    const lacks = (scope: string) => ({
      status: 403,
      code: 'FORBIDDEN',
      detail: expect.stringContaining(scope) as string,
    });
    expect(await refusal('/apps/other/releases', secret)).toMatchObject(lacks('app:other:read'));
    expect(await refusal('/tokens', secret)).toMatchObject(lacks('admin'));
    expect(await refusal('/jobs', secret)).toMatchObject(lacks('fleet:read'));
    expect(await refusal('/apps/web/channels/stable', secret, 'PUT')).toMatchObject(
      lacks('app:web:release'),
    );
  });

  it('end when they are revoked, and when they expire', async () => {
    const token = await origin.token('app:*:read');
    expect((await origin.call('GET', '/apps', { token: token.secret })).status).toBe(200);
    expect((await origin.call('DELETE', `/tokens/${token.id}`)).status).toBe(204);
    expect(await refusal('/apps', token.secret)).toMatchObject({ code: 'TOKEN_INVALID' });
    expect(await refusal(`/tokens/${token.id}`, origin.admin, 'DELETE')).toMatchObject({
      status: 404,
      code: 'TOKEN_NOT_FOUND',
    });
  });

  it('are listed without their secrets', async () => {
    const { secret } = await origin.token('fleet:read');
    const { body } = await origin.call<Page<TokenSummary>>('GET', '/tokens?limit=1000');
    const mine = body.items.find(({ scopes }) => scopes.includes('fleet:read'));
    expect(mine).toMatchObject({ kind: 'api', usesLeft: null });
    expect(JSON.stringify(body)).not.toContain(secret);
  });

  it('to join have uses', async () => {
    const { body } = await origin.call<CreatedToken>('POST', '/join-tokens', {
      json: { name: 'rack 7', uses: 2 },
    });
    expect(body).toMatchObject({
      kind: 'join',
      usesLeft: 2,
      secret: expect.stringMatching(/^fsj_/),
    });
    // A join token opens no other door.
    expect(await refusal('/apps', body.secret)).toMatchObject({ code: 'TOKEN_INVALID' });
  });
});

describe('bodies', () => {
  it('of strangers are small', async () => {
    const json = { publicKey: 'x'.repeat(100_000) };
    const answer = await origin.call('POST', '/agent/join', { token: null, json });
    expect(answer).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
  });

  it('that are no JSON are told', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await origin.call('POST', '/tokens', { headers, body: '{"name":' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  });
});
