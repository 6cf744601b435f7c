import { describe, expect, it } from 'vitest';

import { VirtualClock } from './clock.js';
import { repeat } from './repeat.js';

const settled = () => new Promise(setImmediate);

describe('repeat', () => {
  it('runs after each pause, also when a run has failed, until it is ended', async () => {
    const clock = new VirtualClock();
    const errors: unknown[] = [];
    let runs = 0;
    const action = async () => {
      if (++runs === 1) throw new Error('once');
    };
    const end = repeat(action, { clock, pauseMs: 10, onError: (error) => errors.push(error) });
    clock.advance(9);
    expect(runs).toBe(0);
    clock.advance(1);
    await settled();
    clock.advance(10);
    await settled();
    expect(runs).toBe(2);
    expect(errors).toEqual([new Error('once')]);
    end();
    clock.advance(100);
    expect(runs).toBe(2);
  });

  it('begins no run while one is under way, nor after one during which it was ended', async () => {
    const clock = new VirtualClock();
    const goOn = Promise.withResolvers<void>();
    let runs = 0;
    const action = () => {
      runs++;
      return goOn.promise;
    };
    const end = repeat(action, { clock, pauseMs: 10, onError: () => undefined });
    clock.advance(100);
    expect(runs).toBe(1);
    end();
    goOn.resolve();
    await settled();
    clock.advance(100);
    expect(runs).toBe(1);
  });
});
