import { describe, expect, it } from 'vitest';

import { pieceColours } from './piece.colours.js';
import { BUCKETS, availability, parsePieces, stripe } from './piece.map.js';

describe('piece maps', () => {
  it('are read from hex, and hold nothing where it cannot be read', () => {
    const map = parsePieces(`00ff33${'00'.repeat(60)}zz`);
    expect(map).toHaveLength(BUCKETS);
    expect(Array.from(map.slice(0, 3), (share) => share.toFixed(2))).toEqual([
      '0.00',
      '1.00',
      '0.20',
    ]);
    expect(map[63]).toBe(0);
    expect([...parsePieces('')].every((share) => share === 0)).toBe(true);
  });

  it('add up to the copies there are in the swarm', () => {
    const full = parsePieces('ff'.repeat(64));
    const first = parsePieces(`ff${'00'.repeat(63)}`);
    const copies = availability([full, first, full]);
    expect([copies[0], copies[1]]).toEqual([3, 2]);
    expect(availability([])[0]).toBe(0);
  });

  it('are painted as stretches that meet', () => {
    const css = stripe(parsePieces(`ff80${'00'.repeat(62)}`), pieceColours(BUCKETS), '#000');
    expect(css).toMatch(
      /^linear-gradient\(to right, color-mix\(in oklab, #\w{6} 100%, #000\) 0\.000% 1\.563%, /,
    );
    expect(css).toContain('50%, #000) 1.563% 3.125%');
    expect(css).toMatch(/#000 98\.438% 100\.000%\)$/);
  });
});
