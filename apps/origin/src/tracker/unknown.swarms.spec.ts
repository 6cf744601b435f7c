import { describe, expect, it } from 'vitest';

import { UnknownSwarms } from './unknown.swarms.js';

function unknown(tookMs = 0) {
  const state = { now: 0, looks: 0 };
  const look = async () => {
    state.looks++;
    await Promise.resolve();
    state.now += tookMs;
  };
  const swarms = new UnknownSwarms({ look, now: () => state.now, pauseMs: () => 1000 });
  return { state, swarms };
}

describe('UnknownSwarms', () => {
  it('looks once for all who ask at a time', async () => {
    const { state, swarms } = unknown();
    const names = Array.from({ length: 50 }, (_, index) => `${index}`);
    const looked = await Promise.all(names.map((name) => swarms.lookFor(name)));
    expect(looked.every(Boolean)).toBe(true);
    expect(state.looks).toBe(1);
  });

  it('does not look in the pause after a look, nor again for what was not found', async () => {
    const { state, swarms } = unknown();
    expect(await swarms.lookFor('a')).toBe(true);
    expect(await swarms.lookFor('b')).toBe(false);
    state.now = 1000;
    expect(await swarms.lookFor('a')).toBe(false);
    expect(state.looks).toBe(1);
    expect(await swarms.lookFor('b')).toBe(true);
    expect(state.looks).toBe(2);
  });

  it('rests the longer the longer a look takes', async () => {
    const { state, swarms } = unknown(10_000);
    await swarms.look();
    state.now = 10_000 + 189_999;
    expect(await swarms.look()).toBe(false);
    state.now++;
    expect(await swarms.look()).toBe(true);
  });

  it('goes on after a look that failed', async () => {
    let fails = true;
    const swarms = new UnknownSwarms({
      look: async () => {
        if (fails) throw new Error('away');
      },
      now: () => 0,
      pauseMs: () => 0,
    });
    await expect(swarms.lookFor('a')).rejects.toThrow('away');
    fails = false;
    expect(await swarms.lookFor('a')).toBe(true);
  });
});
