import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { PathSet, checkPath, comparePaths } from './path-rules.js';
import { checkPieceLength, defaultPieceLength } from './piece-length.js';
import { v1Stream } from './v1-stream.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

function codeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof FleetseedError ? error.code : 'another error';
  }
}

describe('the default piece length', () => {
  it.each([
    [0, 64 * KIB],
    [1, 64 * KIB],
    [64 * MIB, 64 * KIB],
    [64 * MIB + 1, 128 * KIB],
    [128 * MIB, 128 * KIB],
    [GIB, MIB],
    [10 * GIB, 16 * MIB],
    [1024 * GIB, 16 * MIB],
  ])('of %i bytes is %i', (total, wanted) => {
    expect(defaultPieceLength(total)).toBe(wanted);
  });

  it('gives 512 to 1,024 pieces between its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 32 * MIB + 1, max: 16 * GIB }), (total) => {
        const pieces = Math.ceil(total / checkPieceLength(defaultPieceLength(total)));
        expect(pieces).toBeGreaterThanOrEqual(512);
        expect(pieces).toBeLessThanOrEqual(1024);
      }),
    );
  });

  it.each([0, -16_384, 8192, 16_385, 24_576, 32 * MIB, 65_536.5, Number.NaN])(
    'is never %d, nor may be set so',
    (pieceLength) => {
      expect(codeOf(() => checkPieceLength(pieceLength))).toBe('METAINFO_PIECE_LENGTH_INVALID');
    },
  );
});

describe('paths', () => {
  it.each([
    ['nothing', []],
    ['an empty component', ['a', '']],
    ['a dot', ['.', 'a']],
    ['two dots', ['a', '..', 'b']],
    ['an absolute path in one component', ['/etc/passwd']],
    ['a separator', ['a/b']],
    ['a NUL', ['a\0b']],
    ['a backslash that climbs', ['..\\..\\evil']],
    ['a backslash at the start', ['\\evil']],
    ['a drive', ['C:\\evil']],
    ['a lone surrogate', ['a\ud800']],
    ['a component too long for a disk', ['x'.repeat(256)]],
    ['too many bytes in a component', ['ü'.repeat(128)]],
    ['too many components', Array.from({ length: 91 }, () => 'a')],
    ['too many bytes', Array.from({ length: 20 }, () => 'x'.repeat(220))],
  ])('with %s are refused', (_, path) => {
    expect(codeOf(() => checkPath(path))).toBe('METAINFO_PATH_INVALID');
  });

  it.each([
    [['...']],
    [['..a', ' ', '-rf']],
    [['dev-disk-by\\x2dlabel.swap']],
    [['ünïcödé', '日本語', '🙂']],
    [['x'.repeat(255)]],
    [['CON', 'a:b', 'c*']],
  ])('as %j are fine on Linux', (path) => {
    expect(codeOf(() => checkPath(path))).toBeUndefined();
  });

  it('are ordered by the bytes of their components', () => {
    const component = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 });
    const path = fc.array(component, { minLength: 1, maxLength: 3 });
    // 0x00 sorts before every byte that a component may hold, so joined paths sort alike.
    const joined = (parts: string[]) => Buffer.from(parts.join('\0'));
    fc.assert(
      fc.property(path, path, (left, right) => {
        fc.pre(![...left, ...right].join('').includes('\0'));
        expect(Math.sign(comparePaths(left, right))).toBe(
          Buffer.compare(joined(left), joined(right)),
        );
      }),
    );
  });

  it('are refused twice, and as a file and a folder at once, in either order', () => {
    const all = (...paths: string[][]) =>
      codeOf(() => {
        const set = new PathSet();
        for (const path of paths) set.add(path);
      });
    expect(all(['a', 'b'], ['a', 'c'], ['ab'], ['b'])).toBeUndefined();
    expect(all(['a', 'b'], ['a', 'b'])).toBe('METAINFO_PATH_INVALID');
    expect(all(['a'], ['a', 'b'])).toBe('METAINFO_PATH_INVALID');
    expect(all(['a', 'b', 'c'], ['a', 'b'])).toBe('METAINFO_PATH_INVALID');
    expect(all(['a', 'b', 'c'], ['a', 'x'], ['a'])).toBe('METAINFO_PATH_INVALID');
  });
});

describe('the v1 stream', () => {
  const files = [
    { path: ['b'], length: 10 },
    { path: ['a', 'z'], length: 16 },
    { path: ['a.x'], length: 0 },
    { path: ['A'], length: 17 },
  ];

  it('of a hybrid has each file at a piece, and a tail pad', () => {
    expect(v1Stream(files, 16, true)).toEqual([
      { file: 3 },
      { pad: 15 },
      { file: 1 },
      { file: 2 },
      { file: 0 },
      { pad: 6 },
    ]);
  });

  it('of v1 alone has no pads', () => {
    expect(v1Stream(files, 16, false)).toEqual([
      { file: 3 },
      { file: 1 },
      { file: 2 },
      { file: 0 },
    ]);
  });

  it('of one file is never padded', () => {
    expect(v1Stream([{ path: ['a'], length: 3 }], 16, true)).toEqual([{ file: 0 }]);
  });
});
