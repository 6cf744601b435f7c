import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pieceRoot } from '../merkle/file-tree-hashes.js';
import { leafHashesOf } from '../merkle/leaf.hasher.js';
import { HASH_LENGTH } from '../merkle/merkle.js';
import { buildMetainfo } from '../metainfo/metainfo.builder.js';
import { buildFromMemory, someBytes } from '../metainfo/metainfo.fixture.js';
import { parseInfo, parseMetainfo } from '../metainfo/metainfo.parser.js';
import { PieceMap } from './piece-map.js';
import { RunTable, runLengthOf, type PieceLengths } from './run.table.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE = 32 * KIB;

const contents = [0, 1, 16 * KIB, PIECE, PIECE + 1, 0, 3 * PIECE, 100].map((length, index) =>
  someBytes(length, index),
);
const files = contents.map((content, index) => ({ path: [`f${index}`], content }));

describe('the piece map', () => {
  const hybrid = buildFromMemory({ name: 't', files, pieceLength: PIECE, format: 'hybrid' });
  const map = new PieceMap(parseMetainfo(hybrid.metainfoBytes));

  it('tells for every piece where it lies and what it hashes to', () => {
    expect(map.pieceCount).toBe(1 + 1 + 1 + 2 + 3 + 1);
    for (let piece = 0; piece < map.pieceCount; piece++) {
      const file = map.fileIndexOf(piece);
      const offset = map.offsetInFile(piece);
      const bytes = contents[file]!.subarray(offset, offset + map.lengthOf(piece));
      expect(bytes.length).toBe(map.lengthOf(piece));
      const leaves = leafHashesOf(bytes);
      expect(leaves.length / HASH_LENGTH).toBe(map.leafCountOf(piece));
      expect(pieceRoot(leaves, map.paddedLeavesOf(piece))).toEqual(map.expectedHash(piece));
      expect(map.pieceAt(file, offset)).toBe(piece);
      expect(map.pieceAt(file, offset + bytes.length - 1)).toBe(piece);
    }
  });

  it('ends pieces at the file for v2 and at the pads for v1', () => {
    expect([0, 1, 2, 3, 4].map((piece) => map.lengthOf(piece))).toEqual([
      1,
      16_384,
      PIECE,
      PIECE,
      1,
    ]);
    expect([0, 1, 2, 3, 4].map((piece) => map.paddedLengthOf(piece))).toEqual(
      Array.from({ length: 5 }, () => PIECE),
    );
    const single = buildFromMemory({
      name: 'one',
      files: [{ path: ['one'], content: someBytes(PIECE + 5) }],
      single: true,
      pieceLength: PIECE,
      format: 'hybrid',
    });
    expect(new PieceMap(parseMetainfo(single.metainfoBytes)).paddedLengthOf(1)).toBe(5);
    const two = [
      { path: ['a'], content: someBytes(5) },
      { path: ['b'], content: someBytes(7) },
    ];
    const v2 = buildFromMemory({ name: 't', files: two, pieceLength: PIECE, format: 'v2' });
    const map2 = new PieceMap(parseMetainfo(v2.metainfoBytes));
    expect([map2.paddedLengthOf(0), map2.paddedLengthOf(1)]).toEqual([PIECE, PIECE]);
  });

  it('gives empty files no pieces', () => {
    expect(map.piecesOfFile(0)).toEqual({ firstPiece: 0, pieceCount: 0 });
    expect(map.piecesOfFile(4)).toEqual({ firstPiece: 3, pieceCount: 2 });
    expect(map.piecesOfFile(5)).toEqual({ firstPiece: 5, pieceCount: 0 });
  });

  it('needs v2 and all its hashes', () => {
    const v1 = buildFromMemory({ name: 't', files, pieceLength: PIECE, format: 'v1' });
    expect(() => new PieceMap(parseMetainfo(v1.metainfoBytes))).toThrow(
      expect.objectContaining({ code: 'METAINFO_INVALID' }),
    );
    expect(() => new PieceMap(parseInfo(hybrid.infoBytes))).toThrow(
      expect.objectContaining({ code: 'METAINFO_PIECE_LAYERS_INVALID' }),
    );
  });

  it('is at home with 20,000 small files', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      path: ['pkg', String(index % 100), `file-${index}.js`],
      length: 1 + (index % 3000),
      root: someBytes(32, index),
    }));
    const { metainfoBytes } = buildMetainfo({
      name: 'tree',
      files: many,
      single: false,
      pieceLength: 64 * KIB,
      format: 'v2',
    });
    const large = new PieceMap(parseMetainfo(metainfoBytes));
    expect(large.pieceCount).toBe(20_000);
    const runs = new RunTable(large);
    expect(runs.runLength).toBe(128 * KIB);
    expect(runs.runCount).toBeLessThan(large.totalLength / (120 * KIB));
  });
});

/** Pieces of files with these lengths, without the hashes. */
function piecesOf(lengths: readonly number[], pieceLength: number): PieceLengths {
  const pieces: number[] = [];
  for (const length of lengths) {
    for (let at = 0; at < length; at += pieceLength)
      pieces.push(Math.min(pieceLength, length - at));
  }
  return {
    pieceCount: pieces.length,
    pieceLength,
    totalLength: lengths.reduce((sum, length) => sum + length, 0),
    lengthOf: (piece) => pieces[piece]!,
  };
}

describe('runs', () => {
  it.each([
    [0, 64 * KIB, 64 * KIB],
    [10 * MIB, 64 * KIB, 64 * KIB],
    [64 * MIB, 64 * KIB, 256 * KIB],
    [64 * MIB + 1, 64 * KIB, 512 * KIB],
    [256 * MIB, 64 * KIB, MIB],
    [100 * 1024 * MIB, 64 * KIB, MIB],
    [100 * 1024 * MIB, 16 * MIB, 16 * MIB],
    [1000, 16 * KIB, 16 * KIB],
  ])('of %i bytes in pieces of %i have up to %i', (total, pieceLength, wanted) => {
    expect(runLengthOf(total, pieceLength)).toBe(wanted);
  });

  it('cover all pieces once, in order, as long as they may be and no longer', () => {
    const lengths = fc.array(
      fc.oneof(fc.nat(3), fc.nat(50_000), fc.nat(2_000_000), fc.constant(16_384)),
      { maxLength: 60 },
    );
    const scale = fc.constantFrom(1, 1000);
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 7 }), scale, (sizes, exponent, times) => {
        const pieceLength = 16 * KIB * 2 ** exponent * (times > 1 ? 32 : 1);
        const pieces = piecesOf(
          sizes.map((size) => size * times),
          pieceLength,
        );
        const runs = new RunTable(pieces);
        let piece = 0;
        for (let run = 0; run < runs.runCount; run++) {
          expect(runs.firstPieceOf(run)).toBe(piece);
          expect(runs.pieceCountOf(run)).toBeGreaterThan(0);
          let bytes = 0;
          for (const end = piece + runs.pieceCountOf(run); piece < end; piece++) {
            expect(runs.runOfPiece(piece)).toBe(run);
            expect(runs.offsetOfPiece(piece)).toBe(bytes);
            expect(runs.pieceAt(run, bytes)).toBe(piece);
            bytes += pieces.lengthOf(piece);
            expect(runs.pieceAt(run, bytes - 1)).toBe(piece);
          }
          expect(runs.lengthOf(run)).toBe(bytes);
          expect(bytes).toBeLessThanOrEqual(runs.runLength);
          // Greedy: the next piece did not fit.
          const next = piece < pieces.pieceCount ? pieces.lengthOf(piece) : Infinity;
          expect(bytes + next).toBeGreaterThan(runs.runLength);
        }
        expect(piece).toBe(pieces.pieceCount);
      }),
      { numRuns: 60 },
    );
  });

  it('refuse questions beyond their ends', () => {
    const runs = new RunTable(piecesOf([40_000], 16_384));
    expect(() => runs.runOfPiece(3)).toThrow(RangeError);
    expect(() => runs.lengthOf(runs.runCount)).toThrow(RangeError);
    expect(() => runs.firstPieceOf(runs.runCount)).toThrow(RangeError);
    expect(() => runs.pieceCountOf(-1)).toThrow(RangeError);
    expect(() => runs.pieceAt(0, runs.lengthOf(0))).toThrow(RangeError);
    expect(new RunTable(piecesOf([], 16_384)).runCount).toBe(0);
  });
});
