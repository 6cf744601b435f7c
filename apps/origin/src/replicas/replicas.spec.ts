import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { TestOrigin } from '../targets/agent.fixture.js';
import { TestFleet } from './fleet.fixture.js';

let fleet: TestFleet;
let [a, b]: TestOrigin[] = [];
beforeAll(async () => {
  fleet = await TestFleet.start(2);
  [a, b] = fleet.replicas;
});
afterAll(() => fleet.close());

describe('replicas of one fleet', () => {
  it('name each other as origins in the tickets that they give', async () => {
    const { artifact } = await a!.publish('web', '1', Buffer.from('one'));
    const peers = [a!, b!].map(({ ready }) => ready.peer);
    await expect
      .poll(async () => (await a!.ticket(artifact)).origins, { timeout: 5000 })
      .toEqual(peers);
    expect((await b!.ticket(artifact)).origins).toEqual(peers.toReversed());
  });

  it('name one that has ended no more', async () => {
    const { artifact } = await a!.publish('web', '2', Buffer.from('two'));
    const third = await fleet.another();
    await expect.poll(async () => (await a!.ticket(artifact)).origins).toHaveLength(3);
    await third.close();
    await expect.poll(async () => (await a!.ticket(artifact)).origins).toHaveLength(2);
  });
});
