import { describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { Lately } from './lately.js';

function reading(patienceMs = 5000) {
  const clock = new VirtualClock();
  const state = { reads: 0, answer: async (): Promise<string> => `reading ${state.reads}` };
  const read = () => {
    state.reads++;
    return state.answer();
  };
  return { clock, state, lately: new Lately(read, { clock, goodForMs: 1000, patienceMs }) };
}

describe('Lately', () => {
  it('reads once for all who ask in a while', async () => {
    const { clock, state, lately } = reading();
    expect(await Promise.all([lately.get(), lately.get()])).toEqual(['reading 1', 'reading 1']);
    clock.advance(999);
    expect(await lately.get()).toBe('reading 1');
    clock.advance(1);
    expect(await lately.get()).toBe('reading 2');
    expect(state.reads).toBe(2);
  });

  it('gives the last reading, and says so, when the next one fails', async () => {
    const { clock, state, lately } = reading();
    state.answer = () => Promise.reject(new Error('away'));
    expect(await lately.get()).toBeNull();
    expect(lately.answers).toBe(false);
    state.answer = async () => 'there';
    expect(await lately.get()).toBe('there');
    expect(lately.answers).toBe(true);
    clock.advance(1000);
    state.answer = () => Promise.reject(new Error('away'));
    expect(await lately.get()).toBe('there');
    expect(lately.answers).toBe(false);
  });

  it('waits for nobody for long, and asks nobody twice at a time', async () => {
    const { clock, state, lately } = reading(10);
    expect(await lately.get()).toBe('reading 1');
    clock.advance(1000);
    const late = Promise.withResolvers<string>();
    state.answer = () => late.promise;
    expect(await lately.get()).toBe('reading 1');
    expect(lately.answers).toBe(false);
    expect(await lately.get()).toBe('reading 1');
    expect(state.reads).toBe(2);
    late.resolve('at last');
    await expect.poll(() => lately.get()).toBe('at last');
    expect(lately.answers).toBe(true);
  });
});
