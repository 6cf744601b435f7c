import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { PickerPeer, type Distance } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { isOverdue } from './request.deadline.js';
import { RequestDepth } from './request.depth.js';
import { FIRST_SPANS_IN_FLIGHT, RequestPlanner, Source } from './request.planner.js';
import { RunHoldings } from './run.holdings.js';
import { SpanPicker } from './span.picker.js';
import { SpanTable } from './span.table.js';

const MIB = 1024 * 1024;
const RUNS = 400;

/** A download of many runs of 1 MiB, and a way to make seeds that take so long for a span, milliseconds. */
function download() {
  const layout = layoutOf([RUNS * MIB], MIB);
  const random = seededRandom(3);
  const picker = new SpanPicker(new SpanTable(layout, new Bitfield(RUNS)), random);
  const planner = new RequestPlanner(picker, MIB, random);
  const everything = new Bitfield(RUNS);
  everything.setRange(0, RUNS);
  const seed = (usualMs: number, now = 0, distance: Distance = 'unknown') => {
    const holdings = new RunHoldings(layout, everything.clone(), null);
    const source = new Source(new PickerPeer(holdings, distance), new RequestDepth(now));
    planner.add(source);
    planner.took(source, now - usualMs, now);
    return source;
  };
  /** Requests all that may be requested now. */
  const fill = (now: number) => {
    while (planner.next(0, now) !== null);
  };
  return { planner, picker, layout, seed, fill };
}

const owed = (sources: readonly Source[]) =>
  sources.reduce((sum, { outstanding }) => sum + outstanding, 0);

describe('RequestPlanner', () => {
  it('has so many spans in flight, divided over sources that are as good as each other', () => {
    const { planner, seed, fill } = download();
    const sources = Array.from({ length: FIRST_SPANS_IN_FLIGHT }, () => seed(100));
    fill(0);
    expect(planner.inFlight).toBe(FIRST_SPANS_IN_FLIGHT);
    expect(Math.max(...sources.map(({ outstanding }) => outstanding))).toBeLessThanOrEqual(2);
  });

  it('leaves far sources to others while near ones keep the link busy', () => {
    const { seed, fill } = download();
    const near = Array.from({ length: 4 }, () => seed(100));
    const far = Array.from({ length: 6 }, () => seed(1000));
    fill(0);
    expect(owed(far)).toBeLessThanOrEqual(2);
    expect(owed(near)).toBeGreaterThanOrEqual(6);
  });

  it('asks other zones when those of ours fall silent, however much they owe', () => {
    const { planner, picker, seed, fill } = download();
    const near = Array.from({ length: 4 }, () => seed(100, 0, 'near'));
    const far = seed(100, 0, 'far');
    for (let now = 0; now < 4000; now += 250) {
      planner.tick();
      fill(now);
    }
    expect(owed(near)).toBe(FIRST_SPANS_IN_FLIGHT);
    expect(far.outstanding).toBe(0);
    for (const source of near) source.snubbed = true;
    for (let span = 0; span < RUNS; span++) picker.late(span);
    for (let now = 4000; now < 6000; now += 250) {
      planner.tick();
      fill(now);
    }
    expect(owed(near)).toBe(FIRST_SPANS_IN_FLIGHT);
    expect(far.outstanding).toBeGreaterThan(0);
  });

  it.each([
    { fellows: 4, more: 'no' },
    { fellows: 8, more: 'some' },
  ])('of a zone with $fellows others asks $more other zones for a place that is free', (zone) => {
    const { planner, seed, fill } = download();
    const near = Array.from({ length: zone.fellows }, () => seed(100, 0, 'near'));
    const far = seed(100, 0, 'far');
    fill(0);
    for (const source of near) source.choking = true;
    for (const source of near.slice(0, 2)) planner.ended(source);
    for (let now = 250; now < 2000; now += 250) {
      planner.tick();
      fill(now);
    }
    expect(owed(near)).toBe(FIRST_SPANS_IN_FLIGHT - 2);
    expect(far.outstanding > 0).toBe(zone.more === 'some');
  });

  it('does not idle for want of near sources: far ones are asked then', () => {
    const { planner, seed, fill } = download();
    seed(100);
    const far = Array.from({ length: 8 }, () => seed(1000));
    fill(0);
    // The near one has all it may owe; two of the others would leave most of the link idle.
    expect(owed(far)).toBeGreaterThan(2);
    expect(planner.inFlight).toBeGreaterThanOrEqual(5);
  });

  it('does not take all for slow beside a quick one that fell silent', () => {
    const { planner, seed, fill } = download();
    const quick = seed(80);
    const others = Array.from({ length: 8 }, () => seed(150));
    quick.snubbed = true;
    fill(0);
    expect(planner.inFlight).toBe(FIRST_SPANS_IN_FLIGHT);
    expect(owed(others)).toBe(FIRST_SPANS_IN_FLIGHT);
  });

  it('measures other zones by those of ours that deliver', () => {
    const { planner, seed, fill } = download();
    const silent = seed(80, 0, 'near');
    for (let count = 0; count < 4; count++) seed(400, 0, 'near');
    const far = seed(100, 0, 'far');
    silent.snubbed = true;
    fill(0);
    planner.tick();
    planner.tick();
    expect(far.pick.interesting).toBeGreaterThan(0);
  });

  it('takes a source that is asked now and then for as quick as its spans come', () => {
    const { planner, seed } = download();
    const source = seed(200);
    source.depth.delivered(MIB, 3000);
    expect(planner.rateOf(source)).toBe(5 * MIB);
    const debt = { oldestAt: 3000, lastBytesAt: 3000, outstandingBytes: 2 * MIB };
    expect(isOverdue({ ...debt, rate: planner.rateOf(source) }, 8000)).toBe(true);
    expect(isOverdue({ ...debt, rate: source.depth.lastRate }, 8000)).toBe(false);
    for (let part = 0; part < 40; part++) source.depth.delivered(MIB, 3000);
    expect(planner.rateOf(source)).toBe(source.depth.lastRate);
  });

  it('forgets that a source was slow, and tries it again', () => {
    const { planner, seed, fill } = download();
    for (let count = 0; count < 2; count++) seed(100);
    const far = Array.from({ length: 8 }, () => seed(250));
    fill(0);
    const before = owed(far);
    expect(planner.inFlight).toBeLessThan(FIRST_SPANS_IN_FLIGHT);
    fill(20_000);
    expect(planner.inFlight).toBe(FIRST_SPANS_IN_FLIGHT);
    expect(owed(far)).toBeGreaterThan(before);
  });

  it('asks sources that took ten times as long at the start again soon', () => {
    const { seed, fill } = download();
    for (let count = 0; count < 2; count++) seed(400);
    const slow = Array.from({ length: 8 }, () => seed(4000));
    fill(10_000);
    // Only two of them might owe anything, as long as they count as far.
    expect(owed(slow)).toBeGreaterThan(2);
  });

  it('takes what an origin offers first, also when its spans take long', () => {
    const { picker, layout, planner, seed } = download();
    for (let count = 0; count < 4; count++) seed(100);
    const none = new RunHoldings(layout, new Bitfield(RUNS), null);
    const origin = new Source(new PickerPeer(none), new RequestDepth(0));
    planner.add(origin);
    planner.took(origin, -5000, 0);
    picker.offer(origin.pick, 17);
    expect(planner.next(0, 0)).toMatchObject({ source: origin, span: 17 });
  });
});
