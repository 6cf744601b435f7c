import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { OriginLimits, type OriginLimitsChange } from '#lib/contracts';

import { TestFleet } from '../replicas/fleet.fixture.js';
import type { TestOrigin } from '../targets/agent.fixture.js';

let fleet: TestFleet;
let [a, b]: TestOrigin[] = [];
beforeAll(async () => {
  fleet = await TestFleet.start(2);
  [a, b] = fleet.replicas;
});
afterAll(() => fleet.close());

const path = '/api/v1/limits';

async function limitsAt(replica: TestOrigin): Promise<OriginLimits> {
  const client = await replica.client();
  return client.call({ method: 'GET', path, answer: OriginLimits });
}

async function change(replica: TestOrigin, json: OriginLimitsChange): Promise<OriginLimits> {
  const client = await replica.client();
  return client.call({ method: 'PATCH', path, json, answer: OriginLimits });
}

describe('limits of several replicas', () => {
  it('are changed at one and hold at all, also at one that comes later', async () => {
    const { artifact } = await a!.publish('web', '1', Buffer.from('one'));
    await change(a!, { upload: 5000 });
    await change(b!, { artifact, upload: 1000 });
    const set = { upload: 5000, set: { upload: 5000 } };
    const limits = { ...set, artifacts: [{ artifact, upload: 1000, download: null }] };
    for (const each of [a!, b!]) {
      await expect.poll(() => limitsAt(each)).toMatchObject({ ...limits, seeders: 2 });
    }
    const third = await fleet.another();
    expect(await limitsAt(third)).toMatchObject(limits);
    await third.close();
  });

  it('lose no change of two that are made at once', async () => {
    const { artifact } = await a!.publish('web', '2', Buffer.from('two'));
    await Promise.all([
      change(a!, { download: 4000 }),
      change(b!, { artifact, upload: 2000 }),
      change(a!, { upload: null }),
    ]);
    for (const each of [a!, b!]) {
      await expect
        .poll(() => limitsAt(each))
        .toMatchObject({
          set: { upload: null, download: 4000 },
          artifacts: expect.arrayContaining([{ artifact, upload: 2000, download: null }]),
        });
    }
  });

  it('are found by those who cannot be told', { timeout: 60_000 }, async () => {
    await fleet.redis.kill();
    await change(a!, { upload: 7000 });
    await expect.poll(() => limitsAt(b!), { timeout: 30_000 }).toMatchObject({ upload: 7000 });
    await fleet.redis.start();
  });
});
