import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { CopyBudget } from './copy.budget.js';
import { Leisure } from './copy.leisure.js';
import { LeisurelyClient, type ClientWays } from './leisurely-client.fixture.js';
import { layoutOf } from './policy.fixture.js';
import { RunHoldings } from './run.holdings.js';

const MIB = 1024 * 1024;
const STEP_MS = 20;
const EXPIRE_MS = 250;

interface Scene {
  readonly seed: number;
  readonly bytes: number;
  /** The origin's link, bytes a second. */
  readonly rate: number;
  readonly clients: readonly ClientWays[];
}

/** Until all have everything, or for ten minutes of virtual time. Nobody gives to anybody but the origin. */
function play({ seed, bytes, rate, clients: ways }: Scene) {
  const random = seededRandom(seed);
  const runLength = Math.min(MIB, Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(bytes / 256))));
  const layout = layoutOf([bytes], runLength);
  const budget = new CopyBudget(layout, { random });
  const clients = ways.map((way) => new LeisurelyClient(budget, layout, random, way, 0));
  let sentBytes = 0;
  let now = 0;
  for (; now < 600_000 && clients.some(({ completeAt }) => completeAt === null); now += STEP_MS) {
    const busy = clients.filter(({ asked }) => asked.length > 0);
    for (const client of busy) {
      const { member, asked } = client;
      client.sentOfFirst += (rate * STEP_MS) / 1000 / busy.length;
      while (asked.length > 0 && client.sentOfFirst >= layout.runs.lengthOf(asked[0]!)) {
        const run = asked.shift()!;
        const length = layout.runs.lengthOf(run);
        client.sentOfFirst -= length;
        sentBytes += length;
        budget.sent(member, run, length, now);
        client.came(run, now);
      }
      if (asked.length === 0) client.sentOfFirst = 0;
    }
    if (now % EXPIRE_MS < STEP_MS) budget.expire(now);
    budget.deal((sentBytes * 1000) / Math.max(1000, now), now);
    for (const client of clients) client.tick(now);
  }
  return { clients, sentBytes, now };
}

const waysOf = fc.record({
  firstInterestMs: fc.integer({ min: 0, max: 10_000 }),
  busyMs: fc.integer({ min: 0, max: 5000 }),
});

/** Up to `most` clients, and an artifact that takes a minute over the link when each gets it from us. */
function sceneOf(most: number) {
  return fc.record({
    seed: fc.integer(),
    bytes: fc.integer({ min: 1, max: 128 * MIB }),
    rate: fc.integer({ min: 2 * MIB, max: 100 * MIB }),
    clients: fc.array(waysOf, { minLength: 1, maxLength: most }),
  });
}

/** The same clients, were each told of everything at once. */
function unbounded(scene: Scene) {
  return play({ ...scene, clients: scene.clients.map((ways) => ({ ...ways, knowsAll: true })) });
}

describe('clients that ask and tell at leisure', () => {
  it('get it as soon as if they had been told of everything at once, when alone', () => {
    fc.assert(
      fc.property(sceneOf(1), (scene) => {
        const { clients, sentBytes, now } = play(scene);
        expect(clients[0]!.completeAt).not.toBeNull();
        expect(clients[0]!.idleLooks).toBe(0);
        expect(sentBytes).toBe(scene.bytes);
        // Which runs it picks is not the same, so a look more or less is chance.
        expect(now).toBeLessThan(1.5 * unbounded(scene).now + 2000);
      }),
    );
  });

  it('are seldom idle when there are several, though they give nothing to each other', () => {
    fc.assert(
      fc.property(sceneOf(4), (scene) => {
        const { clients, now } = play(scene);
        for (const { completeAt, idleLooks } of clients) {
          expect(completeAt).not.toBeNull();
          expect(idleLooks).toBeLessThanOrEqual(2 + now / 60_000);
        }
      }),
    );
  });

  it('may have what they were told of however late they ask, which counts as given', () => {
    const { budget, leisure, member } = lone();
    const told = budget.deal(0, 0).map(({ run }) => run);
    expect(budget.expire(5001).map(({ run }) => run)).toEqual(told);
    const [late] = told;
    expect(budget.reasonOf(member, late!)).not.toBeNull();
    budget.requested(member, late!, 9000);
    expect(budget.reasonOf(member, late!)).toBe('first');
    budget.sent(member, late!, MIB, 9000);
    // Whatever it is told of from then on, it is told of once, and nothing stands in for another.
    const rest: number[] = [];
    for (let now = 9001; now < 100_000; now += 250) {
      rest.push(...budget.deal(0, now).map(({ run }) => run));
      budget.expire(now);
    }
    expect([...told, ...rest].toSorted((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(leisure.told.size).toBe(100);
  });

  it('leave what they did not ask for to others', () => {
    const { budget, layout, member } = lone();
    const told = budget.deal(0, 0).map(({ run }) => run);
    budget.expire(5001);
    const other = budget.join(new RunHoldings(layout, new Bitfield(100), null), 5002);
    const given: number[] = [];
    for (let now = 5002; now < 6000; now += 10) {
      for (const offer of budget.deal(0, now)) {
        if (offer.member !== other) continue;
        given.push(offer.run);
        expect(offer.reason).toBe('first');
        budget.requested(other, offer.run, now);
        budget.sent(other, offer.run, MIB, now);
        budget.gained(other, offer.run, now);
      }
    }
    expect(given).toEqual(expect.arrayContaining(told));
    expect(budget.reasonOf(member, told[0]!)).toBe('stall');
  });
});

function lone() {
  const layout = layoutOf([100 * MIB], MIB);
  const budget = new CopyBudget(layout, { random: seededRandom(3) });
  const leisure = new Leisure(0);
  const holdings = new RunHoldings(layout, new Bitfield(100), null);
  const member = budget.join(holdings, 0, 0, leisure);
  return { budget, layout, leisure, member };
}
