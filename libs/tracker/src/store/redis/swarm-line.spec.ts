import { describe, expect, it } from 'vitest';

import { peerOf } from '../peer-store.conformance.fixture.js';
import { SwarmLine } from './swarm-line.js';

const WORDS_OF_ONE = 5;
const SWARM = 'ab'.repeat(20);

/** A line whose calls the test answers, one after the other. */
function lineOf() {
  const calls: { announces: number; answer: () => void; fail: (error: Error) => void }[] = [];
  const state = { idle: 0 };
  const line = new SwarmLine({
    tell: (words) =>
      new Promise((resolve, reject) => {
        const announces = words.length / WORDS_OF_ONE;
        const answer = () => resolve([0, announces, 0, 0, 0, 0, '1'.repeat(announces)]);
        calls.push({ announces, answer, fail: reject });
      }),
    random: () => 0,
    now: () => 0,
    onIdle: () => state.idle++,
  });
  /** `stored`, or why it was not; null while nobody knows. */
  const announce = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const outcome: { is: string | null } = { is: null };
      const peer = peerOf(`10.0.${at >> 8}.${at & 255}`);
      line.announce({ swarm: SWARM, peer, stopped: false, sample: 0 }, 0).then(
        ({ stored }) => (outcome.is = stored ? 'stored' : 'refused'),
        (error: unknown) => (outcome.is = (error as Error).message),
      );
      return outcome;
    });
  return { line, calls, state, announce };
}

const settled = () => new Promise(setImmediate);
const countOf = (outcomes: readonly { is: string | null }[], is: string | null) =>
  outcomes.filter((each) => each.is === is).length;

describe('the announces in one swarm', () => {
  it('are told one call after the other, who comes meanwhile with the next', async () => {
    const { calls, announce, state } = lineOf();
    const first = announce(3);
    await settled();
    const second = announce(2);
    await settled();
    expect(calls.map(({ announces }) => announces)).toEqual([3]);
    calls[0]!.answer();
    await settled();
    expect([countOf(first, 'stored'), countOf(second, null), state.idle]).toEqual([3, 2, 0]);
    calls[1]!.answer();
    await settled();
    expect([countOf(second, 'stored'), state.idle]).toEqual([2, 1]);
  });

  it('each hear that their call failed, so that none is lost, and those after it go on', async () => {
    const { calls, announce, line } = lineOf();
    const together = announce(150);
    await settled();
    calls[0]!.answer();
    await settled();
    expect(countOf(together, 'stored')).toBe(64);
    calls[1]!.fail(new Error('away'));
    await settled();
    // Also those that were to go with the call after: Redis is away for them, too.
    expect([countOf(together, 'stored'), countOf(together, 'away')]).toEqual([64, 86]);
    expect([calls.length, line.isBusy]).toEqual([2, false]);
    const later = announce(2);
    await settled();
    calls[2]!.answer();
    await settled();
    expect(countOf(later, 'stored')).toBe(2);
  });
});
