import { describe, expect, it } from 'vitest';

import type { PeerFrame } from '#lib/contracts';

import { movingDots } from './moving-dots.js';
import { parsePieces } from './piece.map.js';

function frame(peer: string, pieces: string, from: PeerFrame['from'] = []): PeerFrame {
  return {
    peer,
    label: peer,
    role: 'agent',
    pieces: pieces.padEnd(128, '0'),
    progress: 0,
    bytesPerSecondDown: 0,
    bytesPerSecondUp: 0,
    from,
  };
}

const mapsOf = (frames: readonly PeerFrame[]) =>
  new Map(frames.map((each) => [each.peer, parsePieces(each.pieces)]));

describe('movingDots', () => {
  it('carries the buckets a peer gained from who sent bytes', () => {
    const before = [frame('seed', 'ffffff'), frame('a', 'ff')];
    const now = [frame('seed', 'ffffff'), frame('a', 'ffff80', [{ peer: 'seed', bytes: 5000 }])];
    const dots = movingDots(mapsOf(before), now);
    expect(new Set(dots.map((each) => `${each.from}>${each.to}`))).toEqual(new Set(['seed>a']));
    expect(new Set(dots.map((each) => each.bucket))).toEqual(new Set([1, 2]));
    for (const { start } of dots) expect(start >= 0 && start <= 1).toBe(true);
  });

  it('lets no sender bring what it does not hold', () => {
    const before = [frame('x', 'ff00'), frame('y', '00ff'), frame('a', '')];
    const from = [
      { peer: 'x', bytes: 100 },
      { peer: 'y', bytes: 100 },
    ];
    const dots = movingDots(mapsOf(before), [before[0]!, before[1]!, frame('a', 'ffff', from)]);
    for (const dot of dots) expect(dot.bucket).toBe(dot.from === 'x' ? 0 : 1);
    expect(new Set(dots.map((each) => each.from))).toEqual(new Set(['x', 'y']));
  });

  it('shows bytes whose buckets are not known without a colour, and none for peers not shown', () => {
    const from = [
      { peer: 'seed', bytes: 10 },
      { peer: 'gone', bytes: 10 },
    ];
    const dots = movingDots(new Map(), [frame('seed', 'ff'), frame('a', 'ff', from)]);
    expect(dots.length).toBeGreaterThan(0);
    for (const dot of dots) expect(dot).toMatchObject({ from: 'seed', to: 'a', bucket: null });
  });

  it('has nothing to show when nothing moved', () => {
    const still = [frame('a', 'ff', [{ peer: 'b', bytes: 0 }]), frame('b', 'ff')];
    expect(movingDots(mapsOf(still), still)).toEqual([]);
  });

  it('stays bounded in a swarm of 200 where everybody sends to everybody', () => {
    const names = Array.from({ length: 200 }, (_, index) => `p${index}`);
    const peers = names.map((name) =>
      frame(
        name,
        'ff'.repeat(64),
        names.slice(0, 64).map((peer) => ({ peer, bytes: 1000 })),
      ),
    );
    expect(movingDots(new Map(), peers).length).toBeLessThanOrEqual(900);
  });

  it('shows more dots where more bytes moved', () => {
    const from = [
      { peer: 'fast', bytes: 1_000_000 },
      { peer: 'slow', bytes: 10_000 },
    ];
    const dots = movingDots(new Map(), [
      frame('fast', 'ff'),
      frame('slow', 'ff'),
      frame('a', '', from),
    ]);
    const count = (name: string) => dots.filter((each) => each.from === name).length;
    expect(count('fast')).toBeGreaterThan(3 * count('slow'));
    expect(count('slow')).toBeGreaterThan(0);
  });
});
