import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { PickerPeer } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { RunHoldings } from './run.holdings.js';
import { SpanPicker } from './span.picker.js';
import { SpanTable } from './span.table.js';

const KIB = 1024;
const MIB = 1024 * KIB;

function bitfieldOf(size: number, pieces: readonly number[]): Bitfield {
  const field = new Bitfield(size);
  for (const piece of pieces) field.set(piece);
  return field;
}

/** A picker over `runs` runs of one piece each, and a way to make peers of it. */
function pickerOf(runs: number, seed = 1) {
  const layout = layoutOf([runs * 64 * KIB], 64 * KIB);
  const picker = new SpanPicker(new SpanTable(layout, new Bitfield(runs)), seededRandom(seed));
  const peer = (pieces: readonly number[]) => {
    const added = new PickerPeer(new RunHoldings(layout, bitfieldOf(runs, pieces), null));
    picker.addPeer(added);
    return added;
  };
  const seedPeer = () => peer(Array.from({ length: runs }, (_, piece) => piece));
  return { layout, picker, peer, seedPeer };
}

describe('SpanTable', () => {
  it('makes a span of consecutive missing pieces, and leaves out what is there or not wanted', () => {
    const layout = layoutOf(
      [10, 20, 30, 40, 50].map((kib) => kib * KIB),
      64 * KIB,
    );
    // 150 KiB in runs of 64 KiB: files 0-2, file 3, file 4.
    const have = bitfieldOf(5, [1]);
    const table = new SpanTable(layout, have, bitfieldOf(5, [0, 1, 2, 4]));
    const spans = Array.from({ length: table.spanCount }, (_, span) => [
      table.runOf[span],
      table.firstPiece[span],
      table.pieceCount[span],
      table.payloadOffset(span),
      table.length[span],
    ]);
    expect(spans).toEqual([
      [0, 0, 1, 0, 10 * KIB],
      [0, 2, 1, 30 * KIB, 30 * KIB],
      [2, 4, 1, 100 * KIB, 50 * KIB],
    ]);
    expect(table.spanAt(0, 0)).toBe(0);
    expect(table.spanAt(0, 15 * KIB)).toBe(-1);
    expect(table.spanAt(0, 59 * KIB)).toBe(1);
    expect(table.spanAt(1, 0)).toBe(-1);
  });

  it('cuts a piece larger than a span into slices', () => {
    const layout = layoutOf([4 * MIB + 5, 3 * MIB - 1], 4 * MIB);
    const table = new SpanTable(layout, new Bitfield(layout.pieceCount));
    expect([...table.length]).toEqual([MIB, MIB, MIB, MIB, 5, MIB, MIB, MIB - 1]);
    expect(table.isSlice(0)).toBe(true);
    expect(table.isSlice(4)).toBe(false);
    expect(table.spansOfPiece(0)).toEqual([0, 4]);
    expect(table.spansOfPiece(2)).toEqual([5, 8]);
  });

  it('covers every missing byte exactly once', () => {
    const files = fc.array(fc.integer({ min: 1, max: 3 * MIB }), { minLength: 1, maxLength: 12 });
    const pieceLength = fc.constantFrom(16 * KIB, 64 * KIB, 2 * MIB);
    const property = fc.property(files, pieceLength, fc.integer(), (lengths, length, seed) => {
      const layout = layoutOf(lengths, length);
      const random = seededRandom(seed);
      const have = new Bitfield(layout.pieceCount);
      for (let piece = 0; piece < layout.pieceCount; piece++) if (random() < 0.4) have.set(piece);
      const table = new SpanTable(layout, have);
      let expected = 0;
      for (const piece of have.missing()) {
        const [first, end] = table.spansOfPiece(piece);
        expect(table.firstPiece[first]!).toBeLessThanOrEqual(piece);
        expect(end).toBeGreaterThan(first);
        expected += layout.pieces.lengthOf(piece);
      }
      let sum = 0;
      let at = 0;
      for (let span = 0; span < table.spanCount; span++) {
        expect(table.payloadOffset(span)).toBeGreaterThanOrEqual(at);
        expect(table.length[span]!).toBeLessThanOrEqual(MIB);
        const begin = table.firstPiece[span]!;
        const end = begin + table.pieceCount[span]! - 1;
        const whole = layout.offsetOfPiece(end) + layout.pieces.lengthOf(end);
        expect(table.payloadOffset(span)).toBeGreaterThanOrEqual(layout.offsetOfPiece(begin));
        expect(table.payloadOffset(span) + table.length[span]!).toBeLessThanOrEqual(whole);
        const exact = table.payloadOffset(span) === layout.offsetOfPiece(begin);
        expect(table.isSlice(span) || (exact && end >= begin)).toBe(true);
        at = table.payloadOffset(span) + table.length[span]!;
        sum += table.length[span]!;
      }
      expect(sum).toBe(expected);
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe('SpanPicker', () => {
  it('asks for the rarest run first', () => {
    const { picker, peer, seedPeer } = pickerOf(4);
    const seed = seedPeer();
    peer([0, 1, 2]);
    peer([0, 1]);
    peer([1, 3]);
    for (let count = 0; count < 3; count++) peer([3]);
    expect(Array.from({ length: 5 }, () => picker.request(seed, 0))).toEqual([2, 0, 1, 3, -1]);
  });

  it('starts with different runs for different random numbers', () => {
    const firsts = Array.from({ length: 20 }, (_, seed) => {
      const { picker, seedPeer } = pickerOf(64, seed);
      return picker.request(seedPeer(), 0);
    });
    expect(new Set(firsts).size).toBeGreaterThan(10);
  });

  it('asks an origin only for what it offers, and for that before anything else', () => {
    const { picker, peer } = pickerOf(8);
    const origin = peer([]);
    expect(picker.request(origin, 0)).toBe(-1);
    picker.offer(origin, 5);
    picker.offer(origin, 2);
    picker.withdrawOffer(origin, 5);
    expect(origin.interesting).toBe(1);
    expect(picker.request(origin, 0)).toBe(2);
    expect(picker.request(origin, 0)).toBe(-1);
  });

  it('finishes a piece that was begun before it begins another', () => {
    const layout = layoutOf([8 * MIB], 4 * MIB);
    const picker = new SpanPicker(new SpanTable(layout, new Bitfield(2)), seededRandom(1));
    const peer = new PickerPeer(new RunHoldings(layout, Bitfield.full(2), null));
    picker.addPeer(peer);
    const order = Array.from({ length: 8 }, () => picker.request(peer, 0));
    const pieces = order.map((span) => picker.table.firstPiece[span]!);
    expect(new Set(pieces.slice(0, 4)).size).toBe(1);
  });

  it('repeats a request in the end game only, once, the oldest first, and names whom to cancel', () => {
    const { picker, seedPeer } = pickerOf(2);
    const [slow, quick, third] = [seedPeer(), seedPeer(), seedPeer()];
    const oldest = picker.request(slow, 10);
    expect(picker.requestAgain(quick, 1000, 1000)).toBe(-1);
    picker.request(slow, 20);
    expect(picker.requestAgain(quick, 5, 1000)).toBe(-1);
    expect(picker.requestAgain(slow, 1000, 1000)).toBe(-1);
    expect(picker.requestAgain(quick, 15, 1000)).toBe(oldest);
    expect(picker.requestAgain(third, 15, 1000)).toBe(-1);
    expect(picker.received(oldest, quick)).toBe(slow);
    expect(picker.isWanted(oldest)).toBe(false);
  });

  it('gives an overdue span to one more peer, and takes it from whoever is first', () => {
    const { picker, seedPeer } = pickerOf(1);
    const [slow, quick] = [seedPeer(), seedPeer()];
    picker.request(slow, 0);
    picker.late(0);
    expect(picker.request(slow, 1)).toBe(-1);
    expect(picker.request(quick, 1)).toBe(0);
    expect(picker.received(0, slow)).toBe(quick);
    picker.verified(0);
    expect(picker.done).toBe(true);
  });

  it('forgets overdue requests of a peer that leaves', () => {
    const { picker, seedPeer } = pickerOf(1);
    const [slow, quick] = [seedPeer(), seedPeer()];
    picker.request(slow, 0);
    picker.late(0);
    picker.removePeer(slow);
    expect(picker.request(quick, 1)).toBe(0);
    expect(picker.received(0, quick)).toBeNull();
  });

  it('holds to its rules whatever happens, and always finishes', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.integer({ min: 1, max: 30 }),
      (seed, files) => {
        expect(swarmOfChance(seed, files)).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 80 });
  });
});

/** Peers that come, go, gain, lose, deliver, fail and are late, by chance; then peace, and the end. */
function swarmOfChance(seed: number, files: number): boolean {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const layout = layoutOf(
    Array.from({ length: files }, () => 1 + below(2.5 * MIB)),
    2 * MIB,
  );
  const size = layout.pieceCount;
  const picker = new SpanPicker(new SpanTable(layout, new Bitfield(size)), random);
  const peers = new Map<PickerPeer, Bitfield>();
  const asked = new Map<number, PickerPeer[]>();
  const received = new Set<number>();
  const late = new Set<number>();

  const request = (peer: PickerPeer, again: boolean) => {
    const span = again ? picker.requestAgain(peer, Infinity, 0) : picker.request(peer, 0);
    if (span < 0) return;
    const others = asked.get(span) ?? [];
    expect(received.has(span)).toBe(false);
    expect(peers.get(peer)!.get(picker.table.firstPiece[span]!)).toBe(true);
    expect(others).not.toContain(peer);
    expect(others.length).toBeLessThan(again || late.has(span) ? 2 : 1);
    asked.set(span, [...others, peer]);
  };
  const drop = (peer: PickerPeer) => {
    picker.removePeer(peer);
    peers.delete(peer);
    for (const [span, who] of asked) {
      asked.set(
        span,
        who.filter((other) => other !== peer),
      );
    }
  };
  const deliver = (peer: PickerPeer) => {
    for (const [span, who] of asked) {
      if (!who.includes(peer)) continue;
      const other = who.find((rival) => rival !== peer) ?? null;
      expect(picker.received(span, peer)).toBe(other);
      asked.delete(span);
      late.delete(span);
      received.add(span);
      return;
    }
  };
  const conclude = (right: boolean) => {
    const [span] = received;
    if (span === undefined) return;
    if (right) picker.verified(span);
    else {
      picker.failed(span);
      received.delete(span);
    }
    if (right) received.delete(span);
  };
  const join = (have: Bitfield) => {
    const holdings = new RunHoldings(layout, have, null);
    const distance = (['unknown', 'near', 'far'] as const)[below(3)];
    const peer = new PickerPeer(holdings, distance, below(2 ** 32));
    peers.set(peer, have);
    picker.addPeer(peer);
  };
  const checkCounts = () => {
    for (let run = 0; run < layout.runCount; run++) {
      const first = layout.runs.firstPieceOf(run);
      const count = layout.runs.pieceCountOf(run);
      let holders = 0;
      for (const [peer, have] of peers) {
        if (!peer.holdings.all && have.hasRange(first, count)) holders++;
      }
      expect(picker.holdersOf(run)).toBe(holders);
    }
  };

  for (let step = 0; step < 300; step++) {
    const [peer, have] = [...peers][below(peers.size)] ?? [];
    const action = below(10);
    if (peer === undefined || have === undefined || (action === 0 && peers.size < 6)) {
      const some = new Bitfield(size);
      for (let piece = 0; piece < size; piece++) if (random() < 0.5) some.set(piece);
      join(random() < 0.2 ? Bitfield.full(size) : some);
    } else if (action === 1) {
      drop(peer);
    } else if (action === 2) {
      const piece = below(size);
      if (have.set(piece)) picker.peerGained(peer, piece);
    } else if (action === 3) {
      const piece = below(size);
      const isAsked = [...asked.values()].some((who) => who.includes(peer));
      if (!isAsked && have.clear(piece)) picker.peerLost(peer, piece);
    } else if (action === 4) {
      deliver(peer);
    } else if (action === 5) {
      conclude(random() < 0.7);
    } else if (action === 6) {
      const [span, who] = [...asked].find(([, others]) => others.includes(peer)) ?? [];
      if (span !== undefined && who !== undefined) {
        picker.release(span, peer);
        asked.set(
          span,
          who.filter((other) => other !== peer),
        );
      }
    } else if (action === 7) {
      const [span, who] = [...asked][below(asked.size)] ?? [];
      if (span !== undefined && who!.length === 1) {
        picker.late(span);
        late.add(span);
      }
    } else {
      request(peer, action === 8 && picker.endGame);
    }
    if (step % 20 === 0) checkCounts();
  }
  checkCounts();
  for (const peer of peers.keys()) drop(peer);
  late.clear();
  join(Bitfield.full(size));
  const [last] = peers.keys();
  while (received.size > 0) conclude(true);
  for (let step = 0; step < picker.table.spanCount && !picker.done; step++) {
    request(last!, false);
    deliver(last!);
    conclude(true);
  }
  return picker.done;
}
