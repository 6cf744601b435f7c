import { expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { IdleMemory } from './idle-memory.js';

it('memory is given back once after the start and after work, and never among them', () => {
  const clock = new VirtualClock();
  let work = 0;
  let rests = 0;
  const memory = new IdleMemory({ work: () => work, rest: () => rests++, clock });
  memory.start();
  clock.advance(8_000);
  expect(rests).toBe(0);
  clock.advance(60_000);
  expect(rests).toBe(1);
  for (let second = 0; second < 30; second++) {
    work++;
    clock.advance(1000);
  }
  expect(rests).toBe(1);
  clock.advance(60_000);
  expect(rests).toBe(2);
  work++;
  memory.stop();
  clock.advance(60_000);
  expect(rests).toBe(2);
});

it('a rest that takes long is not taken again soon, but in the end', () => {
  const time = new VirtualClock();
  let restedMs = 0;
  const clock = {
    now: () => time.now(),
    monotonic: () => time.monotonic() + restedMs,
    setTimer: (ms: number, callback: () => void) => time.setTimer(ms, callback),
  };
  let work = 0;
  let rests = 0;
  const rest = () => {
    rests++;
    restedMs += 500;
  };
  const memory = new IdleMemory({ work: () => work, rest, clock });
  memory.start();
  time.advance(12_000);
  expect(rests).toBe(1);
  // Somebody is served every quarter of a minute.
  for (let turn = 0; turn < 2; turn++) {
    work++;
    time.advance(15_000);
  }
  expect(rests).toBe(1);
  time.advance(30_000);
  expect(rests).toBe(2);
  memory.stop();
});
