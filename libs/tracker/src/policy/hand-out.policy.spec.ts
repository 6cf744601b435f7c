import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { candidatesFor } from '../store/fill-candidates.fixture.js';
import { peerOf } from '../store/peer-store.conformance.fixture.js';
import type { PeerCandidate, PeerRecord } from '../store/peer-store.js';
import { DEFAULT_HAND_OUT, HandOut, wantOf } from './hand-out.policy.js';

const SELF = peerOf('10.9.9.9', { zone: 'a', rack: 'a1' });

function crowd(
  count: number,
  prefix: string,
  change: Partial<PeerCandidate> = {},
): PeerCandidate[] {
  return Array.from({ length: count }, (_, at) => ({
    ...peerOf(`${prefix}.${at}`, change),
    load: change.load ?? 0,
  }));
}

const give = (
  self: PeerRecord,
  candidates: readonly PeerCandidate[],
  { want = 20, complete = 0, seed = 1 } = {},
) => {
  const set = candidatesFor(self, candidates);
  new HandOut(seededRandom(seed)).pick(set, complete, want);
  return Array.from(set.chosen.subarray(0, set.chosenLength), (place) => candidates[place]!);
};

const countOf = (peers: readonly PeerCandidate[], test: (peer: PeerCandidate) => boolean) =>
  peers.filter(test).length;

describe('wantOf', () => {
  it('gives seeds, paused and leaving peers nobody: the downloader dials', () => {
    for (const state of ['complete', 'paused'] as const) {
      expect(wantOf(state, 50, false, DEFAULT_HAND_OUT)).toBe(0);
    }
    expect(wantOf('downloading', 50, true, DEFAULT_HAND_OUT)).toBe(0);
  });

  it('bounds what a downloader asks for', () => {
    const wanted = [null, 0, 7, 1e9].map((want) =>
      wantOf('downloading', want, false, DEFAULT_HAND_OUT),
    );
    expect(wanted).toEqual([DEFAULT_HAND_OUT.defaultWant, 0, 7, DEFAULT_HAND_OUT.maxWant]);
  });
});

describe('handOut', () => {
  it('guarantees a part from other zones however many neighbours there are', () => {
    const given = give(SELF, [
      ...crowd(100, '10.0.0', { zone: 'a' }),
      ...crowd(100, '10.0.1', { zone: 'b', load: 5 }),
    ]);
    expect(countOf(given, ({ zone }) => zone === 'b')).toBe(4);
    expect(given.length).toBe(20);
  });

  it('tells of more in other zones when the own is small, and of none when there is no other', () => {
    const near = crowd(3, '10.0.0', { zone: 'a' });
    const far = crowd(100, '10.0.1', { zone: 'b' });
    const mixed = give(SELF, [...near, ...far]);
    expect(countOf(mixed, ({ zone }) => zone === 'a')).toBe(3);
    expect(mixed.length).toBe(9);
    expect(give(SELF, far).length).toBe(12);
    expect(give(SELF, crowd(100, '10.0.0', { zone: 'a' })).length).toBe(20);
  });

  it('takes no more than its part from the own rack while other racks have peers', () => {
    const given = give(SELF, [
      ...crowd(50, '10.0.0', { zone: 'a', rack: 'a1' }),
      ...crowd(50, '10.0.1', { zone: 'a', rack: 'a2' }),
      ...crowd(50, '10.0.2', { zone: 'b', rack: 'b1' }),
    ]);
    const byRack = Object.groupBy(given, ({ rack }) => rack);
    expect(Object.entries(byRack).map(([rack, peers]) => [rack, peers!.length])).toEqual([
      ['a1', 8],
      ['a2', 8],
      ['b1', 4],
    ]);
  });

  it('prefers who was handed out less, and a seed to a downloader of the same load', () => {
    const busy = crowd(30, '10.0.0', { load: 10 });
    const idle = crowd(10, '10.0.1', { load: 0 });
    const seeds = crowd(10, '10.0.2', { load: 10, state: 'complete' });
    const given = give({ ...SELF, zone: '' }, [...busy, ...idle, ...seeds]);
    expect(given).toEqual(expect.arrayContaining([...idle, ...seeds]));
  });

  it('puts origins last, and keeps places for them when seeds are few', () => {
    const origins = crowd(2, '10.1.0', { kind: 'origin', state: 'complete' });
    const peers = crowd(100, '10.0.0', { zone: SELF.zone });
    const poor = give(SELF, [...origins, ...peers], { complete: 2 });
    expect(poor.slice(-2).map(({ kind }) => kind)).toEqual(['origin', 'origin']);
    expect(poor.length).toBe(20);
    const rich = give(SELF, [...origins, ...peers], { complete: 3 });
    expect(countOf(rich, ({ kind }) => kind === 'origin')).toBe(0);
    const alone = give(SELF, [...origins, ...crowd(4, '10.0.0', { zone: SELF.zone })], {
      complete: 3,
    });
    expect(countOf(alone, ({ kind }) => kind === 'origin')).toBe(2);
  });

  it('tells strangers of strangers with the same hash, and of every member', () => {
    const stranger = (host: string, v1: boolean, v2: boolean) => ({
      ...peerOf(host, { kind: 'stranger', v1, v2 }),
      load: 0,
    });
    const candidates = [
      stranger('10.0.0.1', true, false),
      stranger('10.0.0.2', false, true),
      stranger('10.0.0.3', true, true),
      stranger('10.0.0.4', false, false),
      ...crowd(1, '10.1.0'),
    ];
    const hosts = (self: PeerRecord) =>
      give(self, candidates)
        .map(({ host }) => host)
        .toSorted();
    expect(hosts(stranger('10.9.0.1', true, false))).toEqual(['10.0.0.1', '10.0.0.3', '10.1.0.0']);
    expect(hosts(stranger('10.9.0.1', false, true))).toEqual(['10.0.0.2', '10.0.0.3', '10.1.0.0']);
    expect(hosts(stranger('10.9.0.1', false, false))).toEqual(['10.0.0.4', '10.1.0.0']);
    expect(hosts(SELF).length).toBe(5);
  });

  it('gives distinct candidates, no more than wanted, and all it can when there are no zones', () => {
    const candidate = fc
      .record({
        host: fc.nat(60).map((at) => `10.0.0.${at}`),
        zone: fc.constantFrom('', 'a', 'b'),
        rack: fc.constantFrom('', 'a1', 'a2'),
        kind: fc.constantFrom('member' as const, 'origin' as const),
        load: fc.nat(20),
      })
      .map(({ host, load, ...change }) => ({ ...peerOf(host, change), load }));
    const candidates = fc.uniqueArray(candidate, { selector: ({ host }) => host, maxLength: 60 });
    fc.assert(
      fc.property(candidates, fc.nat(40), fc.nat(5), (given, want, complete) => {
        const chosen = give(SELF, given, { want, complete });
        const origins = countOf(given, ({ kind }) => kind === 'origin');
        const reachable = given.length - Math.max(0, origins - DEFAULT_HAND_OUT.maxOrigins);
        expect(new Set(chosen).size).toBe(chosen.length);
        const most = Math.min(want, reachable);
        const isFar = ({ zone }: PeerCandidate) => zone !== SELF.zone;
        expect(chosen.length).toBeLessThanOrEqual(most);
        expect(chosen.length === most || given.some(isFar)).toBe(true);
      }),
    );
  });
});
