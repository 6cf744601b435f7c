import { describe, expect, it } from 'vitest';

import { ApiClient } from './api.client.js';
import { ApiError } from './api.error.js';
import { serve } from './local-server.fixture.js';

const { signal } = new AbortController();

function clientOf(base: string, token: string | null = 'secret') {
  const told: string[] = [];
  const api = new ApiClient({ token: () => token, refused: () => told.push('refused') }, base);
  return { api, told };
}

async function errorOf(asked: Promise<unknown>): Promise<ApiError> {
  const error = await asked.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe('ApiClient', () => {
  it('asks with the token and gives the answer', async () => {
    await using server = await serve((request, response) => {
      response.end(JSON.stringify([request.url, request.headers.authorization]));
    });
    const { api } = clientOf(server.base);
    expect(await api.get('whoami', signal)).toEqual(['/api/v1/whoami', 'Bearer secret']);
  });

  it('follows a list to its end', async () => {
    await using server = await serve((request, response) => {
      const after = new URL(request.url!, 'http://x').searchParams.get('after');
      const page = after === 'a&b' ? { items: [3], next: null } : { items: [1, 2], next: 'a&b' };
      response.end(JSON.stringify(page));
    });
    expect(await clientOf(server.base).api.list('targets', signal)).toEqual({
      items: [1, 2, 3],
      cut: false,
    });
  });

  it('tells who logs in when the token is refused, and only then', async () => {
    let status = 401;
    await using server = await serve((_request, response) => {
      const problem = { code: status === 401 ? 'UNAUTHENTICATED' : 'FORBIDDEN', detail: 'no' };
      response.writeHead(status).end(JSON.stringify(problem));
    });
    const { api, told } = clientOf(server.base);
    const refused = await errorOf(api.get('savings', signal));
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', status: 401, message: 'no' });
    status = 403;
    expect(await errorOf(api.get('savings', signal))).toMatchObject({ code: 'FORBIDDEN' });
    expect(told).toEqual(['refused']);
  });

  it('says what is wrong when nobody, or somebody else, answers', async () => {
    let base: string;
    {
      await using server = await serve((_request, response) => {
        response.writeHead(502).end('<h1>Bad gateway');
      });
      base = server.base;
      expect(await errorOf(clientOf(base).api.get('x', signal))).toMatchObject({
        code: 'HTTP_STATUS',
        status: 502,
      });
    }
    expect(await errorOf(clientOf(base).api.get('x', signal))).toMatchObject({
      code: 'UNREACHABLE',
      status: 0,
    });
  });
});
