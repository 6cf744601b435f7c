import { describe, expect, it } from 'vitest';

import { Membership, SILENCE_MS, type LivingReplica } from './membership.js';

function replica(id: string, facts: Partial<LivingReplica> = {}): LivingReplica {
  return { replica: id, roles: ['api'], peer: null, startedAt: 0, ...facts };
}

const ids = (membership: Membership) => membership.others().map((each) => each.replica);

describe('Membership', () => {
  it('drops who is silent, and keeps who is heard', () => {
    const membership = new Membership();
    expect(membership.heard(replica('a'), 0)).toBe(true);
    expect(membership.heard(replica('b'), 0)).toBe(true);
    expect(membership.heard(replica('b'), 5000)).toBe(false);
    expect(membership.expire(SILENCE_MS - 1)).toBe(false);
    expect(membership.expire(SILENCE_MS)).toBe(true);
    expect(ids(membership)).toEqual(['b']);
  });

  it('tells that somebody does something else than before', () => {
    const membership = new Membership();
    membership.heard(replica('a'), 0);
    expect(membership.heard(replica('a', { peer: 'a:1' }), 1)).toBe(true);
    expect(membership.heard(replica('a', { peer: 'a:1', roles: ['api', 'seed'] }), 2)).toBe(true);
    expect(membership.others()).toMatchObject([{ peer: 'a:1', roles: ['api', 'seed'] }]);
  });

  it('says for how long the most silent one was', () => {
    const membership = new Membership();
    expect(membership.longestSilence(5000)).toBe(0);
    membership.heard(replica('a'), 1000);
    membership.heard(replica('b'), 3000);
    expect(membership.longestSilence(5000)).toBe(4000);
    membership.heard(replica('a'), 4500);
    expect(membership.longestSilence(5000)).toBe(2000);
  });

  it('is not deceived by a beat that was overtaken by the good-bye', () => {
    const membership = new Membership();
    membership.heard(replica('a'), 0);
    expect(membership.left('a', 1)).toBe(true);
    expect(membership.heard(replica('a'), 2)).toBe(false);
    expect(membership.left('a', 3)).toBe(false);
    expect(ids(membership)).toEqual([]);
  });

  it('gives everybody the whole time again after nobody could be heard', () => {
    const membership = new Membership();
    membership.heard(replica('a'), 0);
    membership.pardon(60_000);
    expect(membership.expire(60_000 + SILENCE_MS - 1)).toBe(false);
    expect(membership.expire(60_000 + SILENCE_MS)).toBe(true);
  });

  it('has the eldest first, in one order for all', () => {
    const membership = new Membership();
    for (const each of [replica('z'), replica('b', { startedAt: 2 }), replica('a')]) {
      membership.heard(each, 0);
    }
    expect(ids(membership)).toEqual(['a', 'z', 'b']);
  });

  it('remembers no more than a fleet can have', () => {
    const membership = new Membership();
    for (let index = 0; index < 3000; index++) membership.heard(replica(`${index}`), 0);
    expect(membership.others()).toHaveLength(1000);
  });
});
