import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { PickerPeer, type Distance } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { seedOf } from './rendezvous.score.js';
import { RunHoldings } from './run.holdings.js';
import { SpanTable } from './span.table.js';
import { ZoneShare } from './zone.share.js';

const KIB = 1024;
const RUNS = 100;
const layout = layoutOf([RUNS * 64 * KIB], 64 * KIB);
const table = new SpanTable(layout, new Bitfield(RUNS));
const ALL = Array.from({ length: RUNS }, (_, run) => run);
const wanted = () => true;

function peerOf(distance: Distance, name: string, have = new Bitfield(RUNS)): PickerPeer {
  return new PickerPeer(new RunHoldings(layout, have, null), distance, seedOf(name));
}

/** The share of the machine `name`, and those of its zone that it knows. */
function shareOf(name: string, fellows: readonly string[] = []) {
  const open = new Set<number>();
  const share = new ZoneShare(table, seedOf(name), seededRandom(1), (run, isOpen) => {
    expect(open.has(run)).toBe(!isOpen);
    if (isOpen) open.add(run);
    else open.delete(run);
  });
  const near = fellows.map((fellow) => peerOf('near', fellow));
  for (const peer of near) share.joined(peer);
  /** A machine of another zone that has everything. */
  const seed = peerOf('far', 'seed', Bitfield.full(RUNS));
  share.joined(seed);
  for (const run of ALL) share.gained(seed, run);
  /** One of our zone gets runs. */
  const gets = (peer: PickerPeer, runs: readonly number[]) => {
    for (const run of runs) {
      peer.holdings.gained(run);
      share.gained(peer, run);
    }
  };
  const allowed = () => ALL.filter((run) => share.allows(run));
  return { share, open, near, seed, gets, allowed };
}

describe('the share of a machine in what its zone fetches from afar', () => {
  it('and those of the others are all of it together, and nothing twice', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 12 }), (names) => {
        const shares = names.map((name) =>
          shareOf(
            name,
            names.filter((other) => other !== name),
          ).allowed(),
        );
        expect(shares.flat().toSorted((a, b) => a - b)).toEqual(ALL);
      }),
    );
  });

  it('is everything for one that stands alone, and again when the others leave', () => {
    expect(shareOf('a').allowed()).toEqual(ALL);
    const { share, near, allowed } = shareOf('a', ['b', 'c']);
    expect(allowed().length).toBeLessThan(RUNS / 2);
    for (const peer of near) share.left(peer);
    expect(allowed()).toEqual(ALL);
  });

  it('has nothing that somebody near has, until that one loses it', () => {
    const { share, near, gets, allowed } = shareOf('a', ['b', 'c']);
    const [run] = allowed();
    gets(near[0]!, [run!]);
    expect(allowed()).not.toContain(run);
    near[0]!.holdings.lost(run!);
    share.lost(near[0]!, run!);
    expect(allowed()).toContain(run);
  });

  it('grows while one is in want, ever faster, first by what nobody near has', () => {
    const { share, near, gets, allowed } = shareOf('a', ['b']);
    const ours = allowed();
    const [held, ...lacking] = ALL.filter((run) => !ours.includes(run));
    gets(near[0]!, [held!]);
    const sizes = Array.from({ length: 4 }, () => {
      share.look(true, 0, wanted);
      return allowed().length - ours.length;
    });
    expect(sizes).toEqual([0, 1, 3, 7]);
    while (allowed().length < RUNS - 1) {
      expect(allowed()).not.toContain(held);
      share.look(true, 0, wanted);
    }
    share.look(true, 0, wanted);
    expect(lacking.every((run) => share.allows(run))).toBe(true);
    expect(allowed()).toEqual(ALL);
  });

  it('does not grow while those near suffice, nor by what is not to be requested', () => {
    const { share, allowed } = shareOf('a', ['b']);
    const ours = allowed();
    for (let look = 0; look < 20; look++) share.look(look % 2 === 0, 0, wanted);
    for (let look = 0; look < 20; look++) share.look(true, 0, () => false);
    expect(allowed()).toEqual(ours);
  });

  it('takes in what is for one who lags behind, and what that one has, until it catches up', () => {
    const { share, near, gets, allowed } = shareOf('a', ['b']);
    const ours = allowed();
    gets(near[0]!, [ours[0]!]);
    expect(allowed()).toEqual(ours.slice(1));
    share.look(false, 0.3, wanted);
    expect(allowed()).toEqual(ALL);
    gets(near[0]!, ALL.slice(50));
    share.look(false, 0.3, wanted);
    expect(allowed()).toEqual(ours.filter((run) => run < 50 && run !== ours[0]));
  });
});
