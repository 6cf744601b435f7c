import { describe, expect, it } from 'vitest';

import type { AgentReport, TargetApp } from '#lib/contracts';

import { FleetTime } from './fleet.time.js';
import {
  hearHolds,
  hearWord,
  holdsOf,
  TargetHolds,
  TargetWords,
  wordsOf,
} from './target-state.messages.js';
import { TargetStates } from './target.states.js';

const T = 'ab'.repeat(20);
const U = 'cd'.repeat(20);

const app = (progress: number): TargetApp => ({
  app: 'web',
  channel: 'stable',
  wanted: '1',
  current: null,
  previous: null,
  phase: 'STAGING',
  artifact: null,
  progress,
  bytesPerSecond: 1,
  error: null,
});

function report(change: Partial<AgentReport> = {}): AgentReport {
  return { instance: 'i', freeBytes: 1, apps: [], holds: [], ledger: [], ...change };
}

function replica(now = 1000) {
  const states = new TargetStates(new FleetTime(() => now));
  const said: string[] = [];
  states.onSaid((target, part) => said.push(`${target.slice(0, 2)} ${part}`));
  return { states, said };
}

/** Tells `to` all that `from` knows, as it would travel. */
function tell(from: TargetStates, to: TargetStates): void {
  for (const words of wordsOf(from, from.targets())) {
    const heard = TargetWords.schema.parse(JSON.parse(JSON.stringify(words)));
    for (const word of heard.words) hearWord(to, word, 'other');
  }
  for (const target of from.targets()) {
    for (const word of holdsOf(from, target)) {
      hearHolds(to, TargetHolds.schema.parse(JSON.parse(JSON.stringify(word))), 'other');
    }
  }
}

const hashes = (count: number) =>
  Array.from({ length: count }, (_, index) => index.toString(16).padStart(64, '0'));

describe('TargetStates', () => {
  it('tells what was said here when it is not what was said before', () => {
    const { states, said } = replica();
    states.report(T, report({ apps: [app(0.5)], holds: hashes(2) }));
    expect(said.splice(0)).toEqual(['ab report', 'ab holds']);
    states.report(T, report({ apps: [app(0.5)], holds: hashes(2).toReversed() }));
    expect(said).toEqual([]);
    states.report(T, report({ apps: [app(0.6)], holds: hashes(2) }));
    states.report(T, report({ apps: [app(0.6)], holds: hashes(3) }));
    expect(said).toEqual(['ab report', 'ab holds']);
  });

  it('are the same at all replicas, in whichever order they hear', () => {
    const [one, two, three] = [replica(), replica(), replica()];
    one.states.report(T, report({ apps: [app(0.1)], holds: hashes(20_000) }));
    one.states.follow(U, { apps: [{ app: 'web', channel: 'stable' }] });
    tell(one.states, two.states);
    two.states.report(T, report({ apps: [app(0.2)], holds: hashes(3) }));
    tell(two.states, three.states);
    tell(one.states, three.states);
    tell(two.states, one.states);
    for (const { states } of [one, two, three]) {
      expect(states.of(T)).toMatchObject({ apps: [{ progress: 0.2 }], freeBytes: 1 });
      expect([...states.of(T).holds]).toEqual(hashes(3));
      expect(states.of(U).follows).toEqual([{ app: 'web', channel: 'stable' }]);
    }
    expect(three.said).toEqual([]);
    // Who has to say it again when somebody has not heard it.
    expect([one, two].map(({ states }) => states.tellerOf(T, 'report'))).toEqual(['other', '']);
    expect([one, two].map(({ states }) => states.tellerOf(U, 'follows'))).toEqual(['', 'other']);
  });

  it('follow the later word though its clock is behind', () => {
    const [ahead, behind] = [replica(3_600_000), replica(0)];
    ahead.states.follow(T, { apps: [{ app: 'old', channel: 'stable' }] });
    tell(ahead.states, behind.states);
    behind.states.follow(T, { apps: [{ app: 'new', channel: 'stable' }] });
    tell(behind.states, ahead.states);
    expect(ahead.states.of(T).follows).toMatchObject([{ app: 'new' }]);
  });

  it('travel in messages that the bus carries, however much there is', () => {
    const { states } = replica();
    for (let index = 0; index < 2000; index++) {
      const target = index.toString(16).padStart(40, '0');
      states.report(target, report({ apps: Array.from({ length: 5 }, () => app(0.5)) }));
    }
    const lengths = [...wordsOf(states, states.targets())].map(
      (words) => JSON.stringify(words).length,
    );
    expect(lengths.length).toBeGreaterThan(4);
    expect(Math.max(...lengths)).toBeLessThan(300_000);
  });

  it('know who holds or fetches an artifact, also from another replica', () => {
    const [one, two] = [replica(), replica()];
    const [held] = hashes(1);
    one.states.report(T, report({ holds: [held!] }));
    tell(one.states, two.states);
    expect(two.states.has(T, held!)).toBe(true);
    expect(two.states.has(U, held!)).toBe(false);
  });
});
