import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { CopyBudget, type CopyBudgetOptions, type OfferChange } from './copy.budget.js';
import { CopyDivision } from './copy.division.js';
import { Leisure } from './copy.leisure.js';
import type { CopyMember } from './copy.member.js';
import { layoutOf } from './policy.fixture.js';
import { RunHoldings } from './run.holdings.js';

const PIECE = 1024 * 1024;

function budgetOf(runs: number, options: Partial<CopyBudgetOptions> = {}) {
  const layout = layoutOf([runs * PIECE], PIECE);
  const budget = new CopyBudget(layout, { random: seededRandom(7), ...options });
  const join = (now: number, have = new Bitfield(runs), firstSeen = now) =>
    budget.join(new RunHoldings(layout, have, null), now, firstSeen);
  /** The member takes what was offered, and says that it has it. */
  const take = ({ member, run }: OfferChange, now: number) => {
    budget.requested(member, run, now);
    budget.sent(member, run, PIECE, now);
    budget.gained(member, run, now);
  };
  return { layout, budget, join, take };
}

function reasons(offers: readonly OfferChange[]): string[] {
  return [...new Set(offers.map(({ reason }) => reason))];
}

describe('CopyBudget', () => {
  it('deals every run once, different ones to different members', () => {
    const { budget, join, take } = budgetOf(100);
    const members = Array.from({ length: 5 }, () => join(0));
    const dealt = new Map<CopyMember, number>();
    const runs: number[] = [];
    for (let now = 0; now < 1000; now += 10) {
      for (const offer of budget.deal(0, now)) {
        expect(offer.reason).toBe('first');
        runs.push(offer.run);
        dealt.set(offer.member, (dealt.get(offer.member) ?? 0) + 1);
        take(offer, now);
      }
    }
    expect(runs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, run) => run));
    for (const member of members) expect(dealt.get(member)).toBe(20);
  });

  it('offers just in time: no more than a few at once, the more the faster they are sent', () => {
    const { budget, join } = budgetOf(500);
    join(0);
    expect(budget.deal(0, 0)).toHaveLength(12);
    expect(budget.deal(0, 1)).toHaveLength(0);
    expect(budget.deal(100 * PIECE * 10, 2)).toHaveLength(128 - 12);
  });

  it('lets who asks at leisure have more ahead, and the others as much as before', () => {
    const { budget, layout, join } = budgetOf(500);
    const members = [join(0), join(0)];
    const idle = new RunHoldings(layout, new Bitfield(500), null);
    const slow = budget.join(idle, 0, 0, new Leisure(0, 64 * PIECE));
    const offers = budget.deal(0, 0);
    const dealtTo = (member: CopyMember) =>
      offers.filter((offer) => offer.member === member).length;
    expect(dealtTo(slow)).toBe(64);
    expect(members.map(dealtTo)).toEqual([4, 4]);
    expect(new Set(offers.map(({ run }) => run)).size).toBe(offers.length);
  });

  it('goes on offering to who asks at leisure, although it has not told yet what it got', () => {
    const { budget, layout } = budgetOf(200);
    const idle = new RunHoldings(layout, new Bitfield(200), null);
    budget.join(idle, 0, 0, new Leisure(0, 64 * PIECE));
    let dealt = 0;
    for (let now = 0; now < 40; now += 10) {
      for (const { member, run } of budget.deal(0, now)) {
        dealt++;
        budget.requested(member, run, now);
        budget.sent(member, run, PIECE, now);
      }
    }
    expect(dealt).toBe(200);
  });

  it('gives nothing to a late joiner while enough hold everything', () => {
    const { budget, join } = budgetOf(10, { seedsElsewhere: () => 2 });
    join(0);
    expect(budget.deal(0, 0)).toEqual([]);
  });

  it('gives nothing of what two members hold', () => {
    const { budget, join } = budgetOf(10);
    const have = new Bitfield(10);
    have.setRange(0, 7);
    join(0, have.clone());
    join(0, have.clone());
    join(0);
    const runs = budget.deal(0, 0).map(({ run }) => run);
    expect(runs.toSorted((a, b) => a - b)).toEqual([7, 8, 9]);
  });

  it('gives a run again when its only holder left, within the budget', () => {
    const { budget, join, take } = budgetOf(10);
    const first = join(0);
    for (const offer of budget.deal(0, 0)) take(offer, 1);
    budget.leave(first, 2);
    join(3);
    const again = budget.deal(0, 3);
    expect(reasons(again)).toEqual(['rare']);
    expect(again).toHaveLength(2);
  });

  it('gives a run again when its only holder does not pass it on for 5 s', () => {
    const { budget, join, take } = budgetOf(10);
    join(0);
    for (const offer of budget.deal(0, 0)) take(offer, 1);
    const second = join(1);
    expect(budget.deal(0, 1000)).toEqual([]);
    const later = budget.deal(0, 5500);
    expect(reasons(later)).toContain('rare');
    expect(later.every(({ member }) => member === second)).toBe(true);
  });

  it('helps who asks at leisure with as much ahead as it needs', () => {
    const { budget, layout, take } = budgetOf(400, { seedsElsewhere: () => 2 });
    const idle = new RunHoldings(layout, new Bitfield(400), null);
    budget.join(idle, 0, 0, new Leisure(0, 64 * PIECE));
    const helped: number[] = [];
    for (let now = 2001; now < 12_000; now += 1000) {
      const help = budget.deal(0, now);
      helped.push(help.length);
      for (const offer of help) take(offer, now);
    }
    expect(Math.max(...helped)).toBeGreaterThanOrEqual(64);
    // Ahead of what it takes in within five seconds, but never by more than an origin offers anybody.
    expect(Math.max(...helped)).toBeLessThanOrEqual(128);
  });

  it('helps a member that stands still, and does not make it wait again while nobody else does', () => {
    const { budget, join, take } = budgetOf(64, { seedsElsewhere: () => 2 });
    join(0);
    expect(budget.deal(0, 1999)).toEqual([]);
    const help = budget.deal(0, 2001);
    expect(reasons(help)).toEqual(['stall']);
    expect(help).toHaveLength(2);
    expect(budget.deal(0, 2002)).toEqual([]);
    for (const offer of help) take(offer, 2010);
    expect(budget.deal(0, 2011)).toHaveLength(4);
  });

  it('does not make a lone machine wait when the copies of its cohort are spent', () => {
    const { budget, join, take } = budgetOf(50, { copies: 1 });
    const first = join(0);
    for (let now = 0; now < 500; now += 10)
      for (const offer of budget.deal(0, now)) take(offer, now);
    budget.leave(first, 500);
    const second = join(600, new Bitfield(50), 0);
    const offers = budget.deal(0, 600);
    expect(reasons(offers)).toEqual(['stall']);
    for (const offer of offers) take(offer, 601);
    expect(reasons(budget.deal(0, 602))).toEqual(['stall']);
    expect(second.held).toBeGreaterThan(0);
    const third = join(603, new Bitfield(50), 0);
    expect(budget.deal(0, 604).some(({ member }) => member === third)).toBe(false);
  });

  it('lets a member wait again once others give it something', () => {
    const { budget, join, take } = budgetOf(64, { seedsElsewhere: () => 2 });
    const member = join(0);
    const help = budget.deal(0, 2001);
    for (const offer of help) take(offer, 2010);
    const other = Array.from({ length: 64 }, (_, run) => run).find(
      (run) => !help.some((offer) => offer.run === run),
    )!;
    budget.gained(member, other, 2020);
    expect(budget.deal(0, 2030)).toEqual([]);
  });

  it('does not count first copies of a second cohort as spent, but gives them again', () => {
    const { budget, join, take } = budgetOf(10);
    const early = join(0);
    for (const offer of budget.deal(0, 0)) take(offer, 1);
    budget.leave(early, 10);
    join(70_000);
    expect(reasons(budget.deal(0, 70_000))).toEqual(['first']);
  });

  it('takes an offer back that the member left unused, and gives it to another', () => {
    const { budget, join } = budgetOf(4);
    const hung = join(0);
    expect(budget.deal(0, 0)).toHaveLength(4);
    const quick = join(1);
    expect(budget.deal(0, 1)).toEqual([]);
    expect(budget.expire(4000)).toEqual([]);
    const expired = budget.expire(5001);
    expect(expired.map(({ member }) => member)).toEqual([hung, hung, hung, hung]);
    const again = budget.deal(0, 5002);
    expect(again.some(({ member }) => member === quick)).toBe(true);
    expect(reasons(again)).toEqual(['first']);
  });

  it('does not offer again what a member declined, but offers it to others', () => {
    const { budget, join } = budgetOf(4);
    const picky = join(0);
    for (const { run } of budget.deal(0, 0)) budget.declined(picky, run, 1);
    expect(budget.deal(0, 1)).toEqual([]);
    expect(budget.deal(0, 60_000)).toEqual([]);
    const other = join(1);
    expect(budget.deal(0, 2).map(({ member }) => member)).toEqual([other, other, other, other]);
  });

  describe('of one of several replicas', () => {
    function dividedBudget(runs: number, replicas: readonly string[], copies = 1.2) {
      const alive = { list: replicas };
      const layout = layoutOf([runs * PIECE], PIECE);
      const origins = { self: 'a', alive: () => alive.list };
      const division = new CopyDivision(layout, 'f00d', origins);
      return { ...budgetOf(runs, { division, copies }), division, alive };
    }

    it('leaves runs of others to them, and gives them when nothing comes of them', () => {
      const { budget, join, take, division } = dividedBudget(100, ['a', 'b']);
      join(0);
      const mine: number[] = [];
      for (let now = 0; now < 2000; now += 10) {
        for (const offer of budget.deal(0, now)) {
          if (offer.reason === 'first') mine.push(offer.run);
          take(offer, now);
        }
      }
      const all = [...Array(100).keys()];
      expect(mine.toSorted((a, b) => a - b)).toEqual(all.filter((run) => division.isOurs(run)));
      expect(mine.length).toBeGreaterThan(20);
      expect(mine.length).toBeLessThan(80);
    });

    it('gives no run a second time that another one has given', () => {
      const { budget, join, division } = dividedBudget(100, ['a', 'b']);
      const [first, second] = [join(0), join(0)];
      budget.deal(0, 0);
      const theirs = [...Array(100).keys()].filter((run) => !division.isOurs(run));
      for (const run of theirs) budget.gained(first, run, 100);
      const dealt = budget.deal(0, 101).filter(({ member }) => member === second);
      expect(dealt.filter(({ run }) => theirs.includes(run))).toEqual([]);
    });

    it('takes over what one that is gone had, and no more of it than its part', () => {
      const { budget, join, division, alive } = dividedBudget(400, ['a', 'b', 'c']);
      join(0);
      budget.deal(0, 0);
      const before = [...Array(400).keys()].filter((run) => division.isOurs(run));
      alive.list = ['a', 'b'];
      budget.deal(0, 10);
      const after = [...Array(400).keys()].filter((run) => division.isOurs(run));
      expect(after).toEqual(expect.arrayContaining(before));
      expect(after.length - before.length).toBeGreaterThan(20);
      expect(after.length).toBeLessThan(300);
    });

    it('passes over one that gives nothing, as long as it gives nothing', () => {
      const { budget, join, division } = dividedBudget(100, ['a', 'b']);
      const member = join(0);
      budget.deal(0, 0);
      const theirs = [...Array(100).keys()].filter((run) => !division.isOurs(run));
      budget.deal(0, 2900);
      expect(division.isOurs(theirs[0]!)).toBe(false);
      budget.deal(0, 3300);
      expect(theirs.every((run) => division.isOurs(run))).toBe(true);
      budget.gained(member, theirs.at(-1)!, 3400);
      budget.deal(0, 3700);
      expect(theirs.some((run) => division.isOurs(run))).toBe(false);
    });

    it('takes nobody for silent who has nothing left to give, until it has', () => {
      const { budget, join, division } = dividedBudget(100, ['a', 'b']);
      const members = [join(0), join(0), join(0)] as const;
      budget.deal(0, 0);
      const theirs = [...Array(100).keys()].filter((run) => !division.isOurs(run));
      for (const run of theirs) {
        budget.gained(members[0], run, 100);
        budget.gained(members[1], run, 200);
      }
      const owned = () => theirs.filter((run) => division.isOurs(run));
      for (let now = 250; now < 20_000; now += 250) {
        budget.deal(0, now);
        expect(owned()).toEqual([]);
      }
      budget.lost(members[0], theirs[0]!);
      // From then on it has as long as anybody to give that one again.
      for (let now = 20_000; now < 24_000; now += 250) budget.deal(0, now);
      expect(owned()).toEqual(theirs);
    });

    it('helps with its own runs first', () => {
      const { budget, join, take, division } = dividedBudget(100, ['a', 'b'], 0.001);
      const member = join(0);
      join(0);
      expect(budget.deal(0, 0)).toEqual([]);
      const help: number[] = [];
      for (let now = 2000; now <= 2900; now += 100) {
        for (const offer of budget.deal(0, now)) {
          expect(offer.reason).toBe('stall');
          if (offer.member === member) help.push(offer.run);
          take(offer, now);
        }
      }
      const own = [...Array(100).keys()].filter((run) => division.isOurs(run));
      expect(help.slice(0, own.length).toSorted((a, b) => a - b)).toEqual(own);
    });

    it('takes nobody for silent while nobody waits', () => {
      const { budget, join, division } = dividedBudget(100, ['a', 'b']);
      budget.deal(0, 0);
      const theirs = [...Array(100).keys()].filter((run) => !division.isOurs(run));
      for (let now = 0; now < 60_000; now += 250) budget.deal(0, now);
      join(60_000);
      budget.deal(0, 60_001);
      expect(theirs.some((run) => division.isOurs(run))).toBe(false);
    });
  });

  it('spends no more than its copies on first and rare ones, whoever comes and goes', () => {
    const { budget, join, take } = budgetOf(50, { copies: 1.25 });
    let given = 0;
    for (let now = 0; now < 40_000; now += 1000) {
      const member = join(now, new Bitfield(50), 0);
      for (const offer of budget.deal(0, now)) {
        if (offer.reason !== 'stall') given++;
        take(offer, now);
      }
      budget.leave(member, now + 500);
    }
    // Not 63, which would be a little more.
    expect(given).toBeLessThanOrEqual(62);
    expect(given).toBeGreaterThanOrEqual(50);
  });

  it('gives who wishes only that, in its order, whatever is needed of it', () => {
    const { budget, join, take } = budgetOf(500);
    const member = join(0);
    join(0);
    budget.wish(member, [{ first: 300, count: 20 }], 0);
    const runs: number[] = [];
    for (let now = 0; now < 1000 && runs.length < 20; now += 10) {
      for (const offer of budget.deal(0, now)) {
        if (offer.member === member) runs.push(offer.run);
        take(offer, now);
      }
    }
    // What the other one was dealt it gets from there.
    expect(runs.length).toBeGreaterThan(15);
    expect(runs).toEqual(runs.toSorted((a, b) => a - b));
    expect(runs[0]).toBeGreaterThanOrEqual(300);
    expect(runs.at(-1)).toBeLessThan(320);
  });

  it('takes back what was offered and is not wished for, and goes on with the next wish', () => {
    const { budget, join, take } = budgetOf(100);
    const member = join(0);
    const offered = budget.deal(0, 0).map(({ run }) => run);
    const wished = [...Array(100).keys()].find((run) => !offered.includes(run))!;
    const taken = budget.wish(member, [{ first: wished, count: 1 }], 1);
    expect(taken.toSorted((a, b) => a - b)).toEqual(offered.toSorted((a, b) => a - b));
    const [offer, ...others] = budget.deal(0, 2);
    expect([offer!.run, others]).toEqual([wished, []]);
    take(offer!, 3);
    expect(budget.deal(0, 4)).toEqual([]);
    budget.wish(member, [{ first: offered[0]!, count: 1 }], 5);
    expect(budget.deal(0, 6).map(({ run }) => run)).toEqual([offered[0]]);
  });
});
