import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LruPolicy } from './lru.policy.js';

type Step =
  | { readonly kind: 'admit'; readonly key: string; readonly bytes: number }
  | { readonly kind: 'get' | 'unpin' | 'delete'; readonly key: string };

const key$ = fc.nat(7).map(String);
const step$: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('admit' as const), key: key$, bytes: fc.nat(60) }),
  fc.record({
    kind: fc.constantFrom('get' as const, 'unpin' as const, 'delete' as const),
    key: key$,
  }),
);

function apply(policy: LruPolicy<string>, step: Step) {
  if (step.kind === 'admit') {
    const evicted = policy.admit(step.key, `value ${step.key}`, step.bytes);
    return evicted?.map(({ key }) => key) ?? null;
  }
  if (step.kind === 'get') return policy.get(step.key) ?? null;
  if (step.kind === 'unpin') policy.unpin(step.key);
  else policy.delete(step.key);
  return null;
}

/** The same in the plainest words. */
class Model {
  /** In order of last use. */
  entries: { readonly key: string; readonly bytes: number; pinned: boolean }[] = [];

  constructor(private readonly limit: number) {}

  get used(): number {
    return this.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  apply(step: Step) {
    const known = this.entries.find(({ key }) => key === step.key);
    if (step.kind === 'admit') return known ? null : this.#admit(step.key, step.bytes);
    if (!known) return null;
    if (step.kind === 'unpin') {
      known.pinned = false;
      return null;
    }
    this.entries = this.entries.filter((each) => each !== known);
    if (step.kind === 'delete') return null;
    this.entries.push(known);
    return `value ${step.key}`;
  }

  #admit(key: string, bytes: number) {
    const free = this.entries.filter(({ pinned }) => !pinned);
    const gone: string[] = [];
    let used = this.used;
    for (const each of free) {
      if (used + bytes <= this.limit) break;
      used -= each.bytes;
      gone.push(each.key);
    }
    if (used + bytes > this.limit) return null;
    this.entries = this.entries.filter((each) => !gone.includes(each.key));
    this.entries.push({ key, bytes, pinned: true });
    return gone;
  }
}

describe('the policy of what is kept', () => {
  it('never comes above its bound, evicts the longest unused, and never what is pinned', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.array(step$), (limit, steps) => {
        const policy = new LruPolicy<string>(limit);
        const model = new Model(limit);
        for (const step of steps) {
          expect(apply(policy, step)).toEqual(model.apply(step));
          expect(policy.used).toBe(model.used);
          expect(policy.used).toBeLessThanOrEqual(limit);
          expect(policy.size).toBe(model.entries.length);
        }
      }),
    );
  });
});
