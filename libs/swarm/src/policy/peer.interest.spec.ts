import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { PeerInterest } from './peer.interest.js';
import { PickerPeer } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { RarityBuckets } from './rarity.buckets.js';
import { RunHoldings } from './run.holdings.js';
import { SpanTable } from './span.table.js';

const RUNS = 12;
const KIB = 1024;
const layout = layoutOf([RUNS * 64 * KIB], 64 * KIB);

const run$ = fc.nat(RUNS - 1);
const peer$ = fc.nat(4);
const change$ = fc.oneof(
  fc.record({
    kind: fc.constant('join' as const),
    peer: peer$,
    has: fc.uniqueArray(run$),
    distance: fc.constantFrom('unknown' as const, 'near' as const, 'far' as const),
    seed: fc.nat(),
  }),
  fc.record({ kind: fc.constant('leave' as const), peer: peer$ }),
  fc.record({ kind: fc.constant('look' as const) }),
  fc.record({
    kind: fc.constantFrom(
      'gain' as const,
      'lose' as const,
      'offer' as const,
      'withdraw' as const,
      'open' as const,
      'close' as const,
      'got' as const,
    ),
    peer: peer$,
    run: run$,
  }),
);
type Change = typeof change$ extends fc.Arbitrary<infer T> ? T : never;
type Turn = Extract<Change, { run: number }>;

interface Known {
  readonly pick: PickerPeer;
  readonly have: Bitfield;
}

/** Peers by number, and what the test knows of each. */
function bench() {
  const random = seededRandom(1);
  const table = new SpanTable(layout, new Bitfield(RUNS));
  const buckets = new RarityBuckets(RUNS, random);
  const interest = new PeerInterest(table, buckets, 7, random);
  const peers = new Map<number, Known>();

  const change = (step: Change): void => {
    if (step.kind === 'look') {
      interest.look(true, 0.5);
      return;
    }
    const known = peers.get(step.peer);
    if (step.kind === 'join') {
      if (known) return;
      const have = new Bitfield(RUNS);
      for (const run of step.has) have.set(run);
      const pick = new PickerPeer(new RunHoldings(layout, have, null), step.distance, step.seed);
      peers.set(step.peer, { pick, have });
      interest.add(pick);
    } else if (step.kind === 'leave') {
      peers.delete(step.peer);
      if (known) interest.remove(known.pick);
    } else if (known) {
      turn(step, known);
    }
  };
  const turn = ({ kind, run }: Turn, { pick, have }: Known): void => {
    if (kind === 'open' && !buckets.isOpen(run)) interest.opened(run);
    else if (kind === 'close' && buckets.isOpen(run)) interest.closed(run);
    else if (kind === 'got' && !buckets.isOpen(run)) interest.got(run);
    else if (kind === 'gain' && have.set(run)) interest.gained(pick, run);
    else if (kind === 'lose' && have.clear(run)) interest.lost(pick, run);
    else if (kind === 'offer') interest.offer(pick, run);
    else if (kind === 'withdraw') interest.withdraw(pick, run);
  };
  return { interest, buckets, peers, change };
}

describe('PeerInterest', () => {
  it('counts what each peer can give, whatever changes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(change$, { maxLength: 60 }), (steps) => {
        const { interest, buckets, peers, change } = bench();
        for (const step of steps) {
          change(step);
          let offers = 0;
          for (const { pick, have } of peers.values()) {
            offers += pick.offers.size;
            const gives = Array.from({ length: RUNS }, (_, run) => run).filter((run) =>
              interest.canGive(pick, run),
            );
            expect(pick.interesting).toBe(gives.filter((run) => buckets.isOpen(run)).length);
            for (const run of gives) expect(have.get(run) || pick.offers.has(run)).toBe(true);
            const due = pick.distance === 'far' ? [] : [...have.indices()];
            expect(gives).toEqual(expect.arrayContaining(due));
          }
          expect(interest.offered).toBe(offers);
        }
      }),
    );
  });
});
