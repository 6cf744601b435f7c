import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { someBytes } from '../metainfo/metainfo.fixture.js';
import {
  fileRoot,
  paddedLeavesOf,
  pieceLayerOf,
  pieceRoot,
  rootOfPieceLayer,
} from './file-tree-hashes.js';
import { LeafHasher, leafHashesOf } from './leaf.hasher.js';
import { BLOCK_LENGTH, HASH_LENGTH, leafHash, merkleRoot, padHash } from './merkle.js';
import { PieceHasherV1 } from './piece-v1.hasher.js';

const KIB = 1024;
const rootOfZeros = (length: number) => fileRoot(leafHashesOf(Buffer.alloc(length)), length);

/** Cuts bytes at the given places, in any order and number. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  at.sort((left, right) => left - right);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('merkle vectors', () => {
  it.each([
    [0, '00'.repeat(32)],
    [1, 'f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b'],
    [2, 'db56114e00fdd4c1f85c892bf35ac9a89289aaecb1ebd0a96cde606a748b5d71'],
    [4, '536d98837f2dd165a55d5eeae91485954472d56f246df256bf3cae19352a123c'],
    [6, 'd88ddfeed400a8755596b21942c1497e114c302e6118290f91e6772976041fa1'],
    [8, '26846476fd5fc54a5d43385167c95144f2643f533cc85bb9d16b782f8d7db193'],
  ])('the pad of layer %i', (layer, hex) => {
    expect(padHash(layer).toString('hex')).toBe(hex);
  });

  it('the leaf of 16 KiB of zeros', () => {
    expect(leafHash(Buffer.alloc(BLOCK_LENGTH)).toString('hex')).toBe(
      '4fe7b59af6de3b665b67788cc2f99892ab827efae3a467342b3bb4e3bc8e5bfe',
    );
  });

  it('the roots of 64 KiB and 1 MiB of zeros', () => {
    expect(rootOfZeros(64 * KIB)!.toString('hex')).toBe(
      '60aae9c7b428f87e0713e88229e18f0adf12cd7b22a0dd8a92bb2485eb7af242',
    );
    expect(rootOfZeros(1024 * KIB)!.toString('hex')).toBe(
      '515ea9181744b817744ded9d2e8e9dc6a8450c0b0c52e24b5077f302ffbd9008',
    );
  });
});

describe('the root of a file', () => {
  it('is its block hash when it has one block, at the real length', () => {
    const bytes = someBytes(777);
    const sha256 = createHash('sha256').update(bytes).digest();
    expect(fileRoot(leafHashesOf(bytes), bytes.length)).toEqual(sha256);
  });

  it('is null for an empty file', () => {
    expect(fileRoot(Buffer.alloc(0), 0)).toBeNull();
  });

  it('does not depend on the piece length', () => {
    const leaves = fc.integer({ min: 1, max: 300 }).map((count) => someBytes(count * HASH_LENGTH));
    fc.assert(
      fc.property(leaves, fc.integer({ min: 0, max: 6 }), (hashes, exponent) => {
        const pieceLength = BLOCK_LENGTH * 2 ** exponent;
        const count = hashes.length / HASH_LENGTH;
        const root = fileRoot(hashes, count * BLOCK_LENGTH);
        const layer = pieceLayerOf(hashes, pieceLength);
        expect(layer.length / HASH_LENGTH).toBe(Math.ceil((count * BLOCK_LENGTH) / pieceLength));
        const above =
          count * BLOCK_LENGTH > pieceLength ? rootOfPieceLayer(layer, pieceLength) : layer;
        expect(above).toEqual(root);
      }),
    );
  });

  it('has pieces that can be verified one by one', () => {
    const pieceLength = 4 * BLOCK_LENGTH;
    for (const blocks of [1, 2, 3, 4, 5, 7, 8, 9]) {
      const hashes = someBytes(blocks * HASH_LENGTH, blocks);
      const layer = pieceLayerOf(hashes, pieceLength);
      const padded = paddedLeavesOf(blocks * BLOCK_LENGTH, pieceLength);
      for (let piece = 0; piece * 4 < blocks; piece++) {
        const own = hashes.subarray(piece * 4 * HASH_LENGTH, (piece + 1) * 4 * HASH_LENGTH);
        const expected = layer.subarray(piece * HASH_LENGTH, (piece + 1) * HASH_LENGTH);
        expect(pieceRoot(own, padded)).toEqual(expected);
      }
    }
  });

  it('refuses leaves that do not fit the length, and trees that do not fit the leaves', () => {
    expect(() => fileRoot(Buffer.alloc(64), BLOCK_LENGTH)).toThrow(RangeError);
    expect(() => merkleRoot(Buffer.alloc(96), 0, 2)).toThrow(RangeError);
    expect(() => merkleRoot(Buffer.alloc(33))).toThrow(RangeError);
    expect(() => pieceLayerOf(Buffer.alloc(32), 24_000)).toThrow(
      expect.objectContaining({ code: 'METAINFO_PIECE_LENGTH_INVALID' }),
    );
  });
});

describe('streaming hashers', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });

  it('hash the same leaves however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 * BLOCK_LENGTH }), cuts, (length, at) => {
        const bytes = someBytes(length, length);
        const hasher = new LeafHasher();
        for (const chunk of chunksOf(bytes, at)) hasher.update(chunk);
        expect(hasher.length).toBe(length);
        const wanted: Buffer[] = [];
        for (let from = 0; from < length; from += BLOCK_LENGTH) {
          wanted.push(leafHash(bytes.subarray(from, from + BLOCK_LENGTH)));
        }
        expect(hasher.finish()).toEqual(Buffer.concat(wanted));
      }),
      { numRuns: 50 },
    );
  });

  it('hash the same v1 pieces however the bytes are cut, pads as zeros', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), cuts, (length, pad, at) => {
        const bytes = someBytes(length, length);
        const hasher = new PieceHasherV1(20_000);
        for (const chunk of chunksOf(bytes, at)) hasher.update(chunk);
        hasher.pad(pad);
        const stream = Buffer.concat([bytes, Buffer.alloc(pad)]);
        const wanted: Buffer[] = [];
        for (let from = 0; from < stream.length; from += 20_000) {
          wanted.push(
            createHash('sha1')
              .update(stream.subarray(from, from + 20_000))
              .digest(),
          );
        }
        expect(hasher.finish()).toEqual(Buffer.concat(wanted));
      }),
      { numRuns: 50 },
    );
  });
});
