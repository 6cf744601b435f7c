import { describe, expect, it } from 'vitest';

import { PieceAssembly } from './piece-assembly.js';

const BLOCK = 16_384;
const EXPECTED = Buffer.alloc(32, 0xee);
const WRONG = Buffer.alloc(32, 0x11);

function leaves(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.alloc(32, value)));
}

function assembly(): PieceAssembly<string> {
  return new PieceAssembly<string>(3, 4 * BLOCK - 100, 4, EXPECTED);
}

describe('PieceAssembly', () => {
  it('is complete when all leaves are there, in whatever order they came', () => {
    const piece = assembly();
    piece.add(2 * BLOCK, leaves(3, 4), 'a');
    piece.add(2 * BLOCK, leaves(3, 4), 'a');
    expect(piece.complete).toBe(false);
    piece.add(0, leaves(1, 2), 'b');
    expect(piece.complete).toBe(true);
    expect(piece.leaves).toEqual(leaves(1, 2, 3, 4));
    expect(piece.conclude(EXPECTED)).toEqual({ right: true, culprits: [] });
  });

  it('finds whoever sent a leaf that was not the true one, once a round is right', () => {
    const piece = assembly();
    piece.add(0, leaves(1, 2), 'honest');
    piece.add(2 * BLOCK, leaves(3, 99), 'liar');
    expect(piece.conclude(WRONG)).toEqual({ right: false, culprits: [] });
    expect(piece.complete).toBe(false);
    piece.add(0, leaves(1), 'honest');
    piece.add(BLOCK, leaves(88, 3, 4), 'other liar');
    expect(piece.conclude(WRONG)).toEqual({ right: false, culprits: [] });
    piece.add(0, leaves(1, 2), 'liar');
    piece.add(2 * BLOCK, leaves(3, 4), 'honest');
    expect(piece.conclude(EXPECTED)).toEqual({ right: true, culprits: ['liar', 'other liar'] });
  });

  it('knows the culprit at once when there was one sender', () => {
    const piece = assembly();
    piece.add(0, leaves(1, 2, 3, 4), 'liar');
    expect(piece.conclude(WRONG)).toEqual({ right: false, culprits: ['liar'] });
  });

  it('suspects nobody of what was on the disk', () => {
    const piece = assembly();
    piece.add(0, leaves(9), undefined);
    piece.add(BLOCK, leaves(2, 3, 4), 'honest');
    expect(piece.conclude(WRONG)).toEqual({ right: false, culprits: [] });
    piece.add(0, leaves(1, 2, 3, 4), 'other');
    expect(piece.conclude(EXPECTED)).toEqual({ right: true, culprits: [] });
  });

  it('refuses leaves that are not in the piece', () => {
    expect(() => assembly().add(3 * BLOCK, leaves(1, 2), 'a')).toThrow(RangeError);
    expect(() => assembly().add(100, leaves(1), 'a')).toThrow(RangeError);
    expect(() => assembly().conclude(EXPECTED)).toThrow('not complete');
  });
});
