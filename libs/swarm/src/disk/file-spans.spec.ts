import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FileSpans } from './file-spans.js';

describe('FileSpans', () => {
  it('is one for all who look into the same files', () => {
    const files = [{ length: 5 }];
    expect(FileSpans.of(files)).toBe(FileSpans.of(files));
    expect(FileSpans.of([{ length: 5 }])).not.toBe(FileSpans.of(files));
  });

  it('skips files without bytes', () => {
    const spans = FileSpans.of([{ length: 0 }, { length: 5 }, { length: 0 }, { length: 7 }]);
    expect(spans.length).toBe(12);
    expect(spans.startOf(3)).toBe(5);
    expect(() => spans.startOf(2)).toThrow(RangeError);
    expect(spans.segments(4, 3)).toEqual([
      { file: 1, fileOffset: 4, at: 0, length: 1 },
      { file: 3, fileOffset: 0, at: 1, length: 2 },
    ]);
  });

  it('cuts every range so that its parts follow each other in files and range', () => {
    const lengths = fc.array(fc.nat(9), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(lengths, fc.nat(), fc.nat(), (sizes, from, many) => {
        const spans = FileSpans.of(sizes.map((length) => ({ length })));
        const byte = sizes.flatMap((length, file) =>
          Array.from({ length }, (_, fileOffset) => `${file}:${fileOffset}`),
        );
        const offset = spans.length === 0 ? 0 : from % spans.length;
        const count = many % (spans.length - offset + 1);
        const cut = spans
          .segments(offset, count)
          .flatMap(({ file, fileOffset, at, length }) =>
            Array.from({ length }, (_, n) => [at + n, `${file}:${fileOffset + n}`]),
          );
        const expected = byte.slice(offset, offset + count).map((name, at) => [at, name]);
        expect(cut).toEqual(expected);
      }),
    );
  });
});
