import { describe, expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { lookAgain } from './look-again.js';
import { BusExchange, MemoryReplicaBus } from './memory.replica-bus.js';
import { ReplicaPost } from './replica-post.js';

function looking(bus = new MemoryReplicaBus(new BusExchange())) {
  const clock = new VirtualClock();
  const post = new ReplicaPost(bus, silentLogger);
  const state = { looks: 0, errors: 0, fails: false };
  const look = async () => {
    state.looks++;
    if (state.fails) throw new Error('away');
  };
  const end = lookAgain(look, {
    post,
    clock,
    // No jitter.
    random: () => 0.5,
    heardMs: 60_000,
    unheardMs: 3000,
    onError: () => state.errors++,
  });
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 1000) {
      clock.advance(1000);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  };
  return { bus, post, state, end, pass };
}

describe('lookAgain', () => {
  it('looks now and then while others are heard, and often while they are not', async () => {
    const { bus, post, state, pass } = looking();
    await pass(120_000);
    expect(state.looks).toBe(2);
    expect(post.counters.looks).toEqual({ done: 2, failed: 0 });
    bus.set(false);
    await pass(30_000);
    expect(state.looks).toBe(12);
  });

  it('looks soon after others are heard again', async () => {
    const { bus, state, pass } = looking();
    bus.set(false);
    bus.set(true);
    await pass(3000);
    expect(state.looks).toBe(1);
    await pass(57_000);
    expect(state.looks).toBe(1);
  });

  it('goes on after a look that failed, until it is ended', async () => {
    const { bus, post, state, end, pass } = looking();
    state.fails = true;
    bus.set(false);
    await pass(6000);
    expect(state).toMatchObject({ looks: 2, errors: 2 });
    expect(post.counters.looks).toEqual({ done: 0, failed: 2 });
    await end();
    await pass(60_000);
    expect(state.looks).toBe(2);
  });

  it('never looks where there can be no others', async () => {
    const { state, pass } = looking(new MemoryReplicaBus());
    await pass(120_000);
    expect(state.looks).toBe(0);
  });
});
