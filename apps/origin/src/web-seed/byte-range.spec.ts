import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  contentRange,
  noneMatch,
  parseRange,
  rangeStillValid,
  unsatisfiedRange,
} from './byte-range.js';

const part = (offset: number, length: number) => ({ kind: 'part', offset, length });
const whole = { kind: 'whole' };
const unsatisfiable = { kind: 'unsatisfiable' };

describe('parseRange', () => {
  it.each([
    ['first bytes', 'bytes=0-499', 10_000, part(0, 500)],
    ['second bytes', 'bytes=500-999', 10_000, part(500, 500)],
    ['one byte', 'bytes=0-0', 10_000, part(0, 1)],
    ['the last byte', 'bytes=9999-9999', 10_000, part(9999, 1)],
    ['open end', 'bytes=9500-', 10_000, part(9500, 500)],
    ['a suffix', 'bytes=-500', 10_000, part(9500, 500)],
    ['a suffix that is too long', 'bytes=-20000', 10_000, part(0, 10_000)],
    ['an end beyond the last byte', 'bytes=9000-99999', 10_000, part(9000, 1000)],
    ['everything', 'bytes=0-', 10_000, part(0, 10_000)],
    ['the unit in capitals', 'BYTES=0-1', 10, part(0, 2)],
    ['a start beyond the last byte', 'bytes=10000-', 10_000, unsatisfiable],
    ['no bytes at all', 'bytes=-0', 10_000, unsatisfiable],
    ['any range of nothing', 'bytes=0-', 0, unsatisfiable],
    ['a suffix of nothing', 'bytes=-5', 0, unsatisfiable],
    ['a number beyond 2^53', 'bytes=99999999999999999999-', 10, unsatisfiable],
    ['no header', undefined, 10, whole],
    ['backwards', 'bytes=5-4', 10, whole],
    ['several ranges', 'bytes=0-1,3-4', 10, whole],
    ['another unit', 'pieces=0-1', 10, whole],
    ['no numbers', 'bytes=-', 10, whole],
    ['garbage', 'bytes=a-b', 10, whole],
    ['a sign', 'bytes=+1-2', 10, whole],
    ['empty', '', 10, whole],
  ])('understands %s', (_name, header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected);
  });

  it('never gives a range outside the representation', () => {
    const position = fc.oneof(fc.nat(200).map(String), fc.constant(''));
    fc.assert(
      fc.property(position, position, fc.nat(100), (first, last, size) => {
        const range = parseRange(`bytes=${first}-${last}`, size);
        if (range.kind !== 'part') return;
        expect(range.length).toBeGreaterThan(0);
        expect(range.offset).toBeGreaterThanOrEqual(0);
        expect(range.offset + range.length).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('range headers', () => {
  it('names what is sent, and the size when nothing can be', () => {
    expect(contentRange(500, 500, 10_000)).toBe('bytes 500-999/10000');
    expect(unsatisfiedRange(10_000)).toBe('bytes */10000');
  });

  it('takes a range only with the strong tag of If-Range', () => {
    expect(rangeStillValid(undefined, '"a"')).toBe(true);
    expect(rangeStillValid('"a"', '"a"')).toBe(true);
    expect(rangeStillValid('W/"a"', '"a"')).toBe(false);
    expect(rangeStillValid('Sun, 22 Nov 2026 08:49:37 GMT', '"a"')).toBe(false);
  });

  it('compares If-None-Match weakly', () => {
    expect(noneMatch(undefined, '"a"')).toBe(true);
    expect(noneMatch('"b", W/"a"', '"a"')).toBe(false);
    expect(noneMatch('*', '"a"')).toBe(false);
    expect(noneMatch('"b"', '"a"')).toBe(true);
  });
});
