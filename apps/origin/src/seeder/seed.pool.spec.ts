import { describe, expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { SeedPool, type Seeded } from './seed.pool.js';

function pool(options: { idleMs?: number; maxActive?: number } = {}) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const seeds = new Map<string, { inUse: boolean } & Seeded>();
  const seed = async (artifact: string) => {
    if (artifact === 'broken') throw new Error('not readable');
    log.push(`+${artifact}`);
    const seeded = { inUse: false, stop: async () => void log.push(`-${artifact}`) };
    seeds.set(artifact, seeded);
    return seeded;
  };
  return {
    clock,
    log,
    seeds,
    pool: new SeedPool({ seed, clock, logger: silentLogger, ...options }),
  };
}

describe('SeedPool', () => {
  it('begins an artifact once, however many want it', async () => {
    const { pool: seeds, log } = pool();
    const [one, two] = await Promise.all([seeds.want('a'), seeds.want('a')]);
    expect(one).toBe(two);
    expect(seeds.get('a')).toBe(one);
    expect(log).toEqual(['+a']);
  });

  it('tries again what could not be begun', async () => {
    const { pool: seeds } = pool();
    await expect(seeds.want('broken')).rejects.toThrow('not readable');
    await Promise.resolve();
    expect(seeds.size).toBe(0);
  });

  it('puts away what is idle, and not what is wanted or connected', async () => {
    const { pool: seeds, clock, log, seeds: made } = pool({ idleMs: 100 });
    await Promise.all(['a', 'b', 'c'].map((each) => seeds.want(each)));
    made.get('b')!.inUse = true;
    clock.advance(60);
    await seeds.want('c');
    clock.advance(60);
    seeds.sweep();
    expect([...seeds.active()].map(([artifact]) => artifact)).toEqual(['b', 'c']);
    made.get('b')!.inUse = false;
    clock.advance(99);
    seeds.sweep();
    expect([...seeds.active()].map(([artifact]) => artifact)).toEqual(['b']);
    await Promise.resolve();
    expect(log).toContain('-a');
  });

  it('begins again only after the end', async () => {
    const { pool: seeds, clock, log } = pool({ idleMs: 100 });
    await seeds.want('a');
    clock.advance(100);
    seeds.sweep();
    await seeds.want('a');
    expect(log).toEqual(['+a', '-a', '+a']);
  });

  it('makes room by what is unused longest, and refuses when all are in use', async () => {
    const { pool: seeds, clock, seeds: made } = pool({ maxActive: 2 });
    await seeds.want('a');
    clock.advance(1);
    await seeds.want('b');
    await seeds.want('c');
    expect([...seeds.active()].map(([artifact]) => artifact)).toEqual(['b', 'c']);
    for (const seeded of made.values()) seeded.inUse = true;
    await expect(seeds.want('d')).rejects.toMatchObject({ code: 'OVER_BUDGET' });
  });

  it('ends everything when it closes, and begins nothing after', async () => {
    const { pool: seeds, log } = pool();
    await seeds.want('a');
    const late = seeds.want('b');
    await seeds.close();
    await late;
    expect(log).toEqual(['+a', '+b', '-a', '-b']);
    await expect(seeds.want('c')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
