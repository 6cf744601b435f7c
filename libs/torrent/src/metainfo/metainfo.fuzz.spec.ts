import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bdecode } from '../bencode/bencode.decoder.js';
import { bencode, keyOfText } from '../bencode/bencode.encoder.js';
import type { BencodeDict, BencodeInput, BencodeValue } from '../bencode/bencode.types.js';
import { HUGE, built, changed, codeOf, dict, node, type Dict } from './hostile.fixture.js';
import { parseInfo } from './metainfo.parser.js';
import type { MetainfoFormat } from './metainfo.types.js';

describe('fuzzed metainfo', () => {
  const formats = fc.constantFrom<MetainfoFormat>('v1', 'v2', 'hybrid');
  /** Errors of parsing these bytes that are not of the codes that parsing may have. */
  const foreignErrors = (bytes: Uint8Array) =>
    [codeOf(bytes), codeOf(bytes, parseInfo)].filter(
      (code) => code !== undefined && !/^(BENCODE|METAINFO)_[A-Z_]+$/.test(code),
    );

  it('throws nothing but our errors when bytes are changed, cut out or put in', () => {
    const edits = fc.array(
      fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(formats, edits, fc.boolean(), (format, list, inInfo) => {
        let bytes = inInfo ? built[format].infoBytes : built[format].metainfoBytes;
        for (const { at, cut, put } of list) {
          const from = at % bytes.length;
          bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
        }
        expect(foreignErrors(bytes)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but our errors when any value is replaced by any other', () => {
    const junk = fc.constantFrom<BencodeInput>(
      0,
      -1,
      1,
      16_384,
      HUGE,
      '',
      '..',
      'a',
      Buffer.alloc(32),
      Buffer.from([0xff]),
      [],
      [1],
      [[]],
      ['..'],
      dict(),
      dict(['', 1]),
      dict(['', dict()]),
      dict(['length', 1]),
    );
    fc.assert(
      fc.property(formats, fc.nat(), junk, (format, pick, value) => {
        const outer = bdecode(built[format].metainfoBytes) as BencodeDict;
        const places = placesOf(outer);
        places[pick % places.length]!(value);
        expect(foreignErrors(bencode(outer))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but our errors on keys with any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const empty = dict(['', dict(['length', 0])]);
        const bytes = changed('v2', (info) => node(info).set(keyOfText(text), empty));
        expect(foreignErrors(bytes)).toEqual([]);
      }),
    );
  });
});

/** A setter for every value inside a decoded one. */
function placesOf(value: BencodeValue): ((replacement: BencodeInput) => void)[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => [
      (replacement: BencodeInput) => void ((value as BencodeInput[])[index] = replacement),
      ...placesOf(item),
    ]);
  }
  if (!(value instanceof Map)) return [];
  return [...value].flatMap(([key, item]) => [
    (replacement: BencodeInput) => void (value as Dict).set(key, replacement),
    ...placesOf(item),
  ]);
}
