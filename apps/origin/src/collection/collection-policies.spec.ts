import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Release } from '#lib/contracts';

import { judge } from './condemned.js';
import { planRepack, wornPacks, type PackUse } from './repack.policy.js';
import { neededByChannels, releasesToRetire } from './retention.policy.js';

const release = (version: string, createdAt: number) => ({ version, createdAt }) as Release;

const appArb = fc.uniqueArray(fc.nat(99), { maxLength: 30 }).chain((names) =>
  fc.record({
    releases: fc.tuple(...names.map((name) => fc.nat(1000).map((at) => release(`v${name}`, at)))),
    channels: fc.array(
      fc.array(
        names.length === 0
          ? fc.constant({ version: 'v' })
          : fc.constantFrom(...names.map((name) => ({ version: `v${name}` }))),
        { maxLength: 8 },
      ),
      { maxLength: 4 },
    ),
  }),
);
const rulesArb = fc.record({
  keepLast: fc.nat(10),
  keepMs: fc.nat(800),
  channelEntries: fc.integer({ min: 2, max: 6 }),
});

describe('retention', () => {
  it('gives up nothing that is new enough, young enough, or needed by a channel', () => {
    fc.assert(
      fc.property(appArb, rulesArb, (app, rules) => {
        const now = 1000;
        const retired = new Set(releasesToRetire(app, rules, now));
        const kept = app.releases.filter((each) => !retired.has(each));
        const needed = neededByChannels(app, rules);
        for (const each of retired) {
          expect(needed.has(each.version)).toBe(false);
          expect(each.createdAt + rules.keepMs).toBeLessThanOrEqual(now);
          const newer = app.releases.filter((other) => other.createdAt >= each.createdAt);
          expect(newer.length).toBeGreaterThan(rules.keepLast);
        }
        expect(kept.length).toBeGreaterThanOrEqual(
          rules.keepLast === 0
            ? app.releases.length
            : Math.min(rules.keepLast, app.releases.length),
        );
        for (const [current] of app.channels) {
          expect([...retired].map(({ version }) => version)).not.toContain(current?.version);
        }
      }),
    );
  });

  it('gives up everything else', () => {
    const releases = ['1', '2', '3', '4', '5'].map((version, at) => release(version, at));
    const channels = [[{ version: '4' }, { version: '1' }, { version: '2' }]];
    const rules = { keepLast: 1, keepMs: 0, channelEntries: 2 };
    const retired = releasesToRetire({ releases, channels }, rules, 100);
    expect(retired.map(({ version }) => version)).toEqual(['3', '2']);
  });
});

describe('condemning', () => {
  const lookArb = fc.array(
    fc.record({
      garbage: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')),
      after: fc.nat(50),
    }),
    { maxLength: 12 },
  );

  it('removes only what every look of a whole grace has found to be garbage', () => {
    fc.assert(
      fc.property(lookArb, fc.integer({ min: 1, max: 100 }), (looks, graceMs) => {
        let condemned: ReadonlyMap<string, number> = new Map();
        let now = 0;
        const history: { readonly now: number; readonly garbage: readonly string[] }[] = [];
        for (const { garbage, after } of looks) {
          now += after;
          history.push({ now, garbage });
          const verdict = judge(garbage, condemned, { now, graceMs, limit: 100 });
          condemned = verdict.condemned;
          for (const thing of verdict.due) {
            const within = history.filter((look) => look.now > now - graceMs);
            expect(within.every((look) => look.garbage.includes(thing))).toBe(true);
            expect(
              history.some((look) => look.now <= now - graceMs && look.garbage.includes(thing)),
            ).toBe(true);
          }
          expect(new Set(condemned.keys())).toEqual(new Set(garbage));
        }
      }),
    );
  });

  it('keeps no more in mind than it may, and a whole grace for a clock that was ahead', () => {
    const { condemned } = judge(['a', 'b', 'c'], new Map([['b', 900]]), {
      now: 100,
      graceMs: 50,
      limit: 2,
    });
    expect([...condemned]).toEqual([
      ['b', 100],
      ['a', 100],
    ]);
  });
});

describe('repacking', () => {
  const packArb = fc.record({
    length: fc.integer({ min: 1, max: 100 }),
    live: fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      fc.integer({ min: 1, max: 30 }),
    ),
  });
  const usesArb = fc.array(packArb, { maxLength: 6 }).map((packs) =>
    packs.map(({ length, live }, index): PackUse => ({
      object: `packs/${index}`,
      length,
      live: new Map(Object.entries(live)),
    })),
  );

  it('moves every needed file of worn packs once, into packs within the limits', () => {
    fc.assert(
      fc.property(usesArb, (packs) => {
        const worn = wornPacks(packs);
        const limits = { bytes: 40, files: 3 };
        const plan = planRepack(worn, limits);
        const wanted = new Set(worn.flatMap(({ live }) => [...live.keys()]));
        const moved = plan.flat().map(({ root }) => root);
        expect(moved.length).toBe(new Set(moved).size);
        expect(new Set(moved)).toEqual(wanted);
        for (const pack of plan) {
          expect(pack.length).toBeLessThanOrEqual(limits.files);
          const bytes = pack.reduce((sum, { length }) => sum + length, 0);
          expect(bytes).toBeLessThanOrEqual(limits.bytes);
        }
      }),
    );
  });

  it('takes packs of which something but less than half is needed', () => {
    const use = (length: number, ...live: number[]): PackUse => ({
      object: `packs/${length}`,
      length,
      live: new Map(live.map((bytes, index) => [String(index), bytes])),
    });
    const packs = [use(10), use(11, 5), use(12, 3, 3), use(13, 13)];
    expect(wornPacks(packs).map(({ length }) => length)).toEqual([11]);
  });
});
