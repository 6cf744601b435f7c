import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Savings, type Release } from '#lib/contracts';

import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';

const content = randomBytes(700_000);
let origin: TestOrigin;
let release: Release;
let other: Release;
/** With a key of the admin token for this artifact alone. */
let url: string;

beforeAll(async () => {
  origin = await TestOrigin.start();
  release = await origin.publish('web', '1', content);
  other = await origin.publish('web', '2', Buffer.from('other'));
  url = (await origin.ticket(release.artifact)).webSeed!;
});
afterAll(() => origin.close());

function get(headers: Record<string, string> = {}, method = 'GET', from = url): Promise<Response> {
  return fetch(from, { method, headers });
}

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}

describe('web seed', () => {
  it('serves the whole file', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    expect(answer.headers.get('etag')).toBe(`"${release.artifact}"`);
    expect((await bytesOf(answer)).equals(content)).toBe(true);
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=262143-262145', 262_143, 3],
    ['bytes=699999-', 699_999, 1],
    ['bytes=-300001', 399_999, 300_001],
    ['bytes=100-9999999', 100, 699_900],
  ])('serves exactly %s', async (range, offset, length) => {
    const answer = await get({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(
      `bytes ${offset}-${offset + length - 1}/700000`,
    );
    const expected = content.subarray(offset, offset + length);
    expect((await bytesOf(answer)).equals(expected)).toBe(true);
  });

  it('refuses a range behind the end and says how long the file is', async () => {
    const answer = await get({ range: 'bytes=700000-' });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */700000');
  });

  it('gives a range only of the content that If-Range names', async () => {
    const same = await get({ range: 'bytes=0-9', 'if-range': `"${release.artifact}"` });
    expect(same.status).toBe(206);
    const changed = await get({ range: 'bytes=0-9', 'if-range': `"${other.artifact}"` });
    expect(changed.status).toBe(200);
    const known = await get({ 'if-none-match': `"${release.artifact}"` });
    expect(known.status).toBe(304);
  });

  it('answers HEAD without content, whatever the range', async () => {
    const answer = await get({ range: 'bytes=0-9' }, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('700000');
    expect(await bytesOf(answer)).toHaveLength(0);
  });

  it('counts what it sends, to the byte', async () => {
    const admin = await origin.client();
    const sent = async () => {
      const call = { method: 'GET', path: '/api/v1/savings', answer: Savings } as const;
      return (await admin.call(call)).originByReason['web-seed']!;
    };
    const before = await sent();
    await bytesOf(await get({ range: 'bytes=5-104' }));
    expect((await sent()) - before).toBe(100);
  });
});

describe('who may read', () => {
  const problem = async (answer: Response) => [
    answer.status,
    ((await answer.json()) as { code: string }).code,
  ];

  it('refuses keys that are none, and keys of another artifact', async () => {
    const foreign = (await origin.ticket(other.artifact)).webSeed!.split('/')[4]!;
    const key = url.split('/')[4]!;
    expect(await problem(await get({}, 'GET', url.replace(key, foreign)))).toEqual([
      403,
      'TRACKER_KEY_INVALID',
    ]);
    expect(await problem(await get({}, 'GET', url.replace(key, 'nonsense')))).toEqual([
      403,
      'TRACKER_KEY_INVALID',
    ]);
  });

  it('takes a session of an agent in the place of a key', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const open = url.replace(url.split('/')[4]!, '-');
    const authorization = `Bearer ${agent.session!.token}`;
    expect((await get({ authorization, range: 'bytes=0-9' }, 'GET', open)).status).toBe(206);
    expect(await problem(await get({}, 'GET', open))).toEqual([401, 'TOKEN_MISSING']);
  });

  it('finds nothing that the metainfo does not name', async () => {
    for (const name of [
      'nothing',
      '..%2f..%2fadmin-token',
      '%2e%2e/%2e%2e/admin-token',
      'web.bin/x',
    ]) {
      const answer = await get({}, 'GET', url.replace('web.bin', name));
      expect(answer.status).toBe(404);
      await answer.body?.cancel();
    }
  });
});

describe('over budget', () => {
  it('says when to come back', async () => {
    const busy = await TestOrigin.start({ webSeedConcurrent: 0 });
    const { artifact } = await busy.publish('web', '1', Buffer.from('x'));
    const answer = await fetch((await busy.ticket(artifact)).webSeed!);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toMatchObject({ code: 'OVER_BUDGET' });
    await busy.close();
  });
});
