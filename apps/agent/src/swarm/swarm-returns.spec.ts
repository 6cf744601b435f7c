import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { seededRandom, silentLogger, VirtualClock } from '#lib/runtime';
import { InlineHasher, Session } from '#lib/swarm';

import { SwarmReturns } from './swarm-returns.js';

const SPREAD_MS = 8000;

/** Agents that hold nothing; `announce` is told the time of each return. */
function fleet(count: number, announce: (at: number) => Promise<void>) {
  const clock = new VirtualClock();
  const random = seededRandom(3);
  const session = new Session({
    hasher: new InlineHasher(),
    listen: { host: '127.0.0.1', port: 0 },
  });
  const { signal } = new AbortController();
  const shared = { session, clock, random, logger: silentLogger, signal };
  const agents = Array.from(
    { length: count },
    () => new SwarmReturns({ ...shared, announce: () => announce(clock.now()) }),
  );
  return { clock, agents };
}

describe('agents whose tracker forgot its peers', () => {
  it('come back each at a moment of its own, evenly within eight seconds', () => {
    const times: number[] = [];
    const { clock, agents } = fleet(4000, async (at) => void times.push(at));
    for (const agent of agents) agent.begin();
    clock.advance(SPREAD_MS);
    expect(times).toHaveLength(4000);
    for (let second = 0; second < 8; second++) {
      const during = times.filter((at) => Math.floor(at / 1000) === second).length;
      // 500 are due in each; the deviation is 21.
      expect(Math.abs(during - 500)).toBeLessThan(100);
    }
  });

  it('come back once, though it forgets them again before they did', () => {
    let returns = 0;
    const { clock, agents } = fleet(1, async () => void returns++);
    for (let time = 0; time < 5; time++) agents[0]!.begin();
    clock.advance(SPREAD_MS);
    expect(returns).toBe(1);
  });

  it('try again when it cannot be reached', async () => {
    let tries = 0;
    const heard = Promise.withResolvers<void>();
    const { clock, agents } = fleet(1, async () => {
      if (++tries === 1) throw new FleetseedError('ORIGIN_UNREACHABLE', 'not now');
      heard.resolve();
    });
    agents[0]!.begin();
    clock.advance(SPREAD_MS);
    await heard.promise;
    expect(tries).toBe(2);
  });
});
