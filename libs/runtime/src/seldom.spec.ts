import { expect, it } from 'vitest';

import { VirtualClock } from './clock.js';
import type { LogFacts } from './logger.js';
import { seldom } from './seldom.js';

it('tells the first at once, and then one in a while with how many came in between', () => {
  const clock = new VirtualClock();
  const told: LogFacts[] = [];
  const tell = seldom((facts) => told.push(facts), { clock, everyMs: 1000 });
  tell({ number: 1 });
  for (let number = 2; number < 100; number++) {
    clock.advance(10);
    tell({ number });
  }
  expect(told).toEqual([{ number: 1 }]);
  clock.advance(20);
  tell({ number: 100 });
  clock.advance(5000);
  tell({ number: 101 });
  expect(told.slice(1)).toEqual([{ number: 100, untold: 98 }, { number: 101 }]);
});
