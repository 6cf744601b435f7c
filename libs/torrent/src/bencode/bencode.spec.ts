import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { bdecode, bdecodeLocated, bdecodePrefix } from './bencode.decoder.js';
import { bdict, bencode, keyOfText } from './bencode.encoder.js';
import { RawBencode, type BencodeDict, type BencodeValue } from './bencode.types.js';

const key = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const { value } = fc.letrec<{ value: BencodeValue; list: BencodeValue[]; dict: BencodeDict }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      tie('list'),
      tie('dict'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }),
    dict: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  }),
);

function codeOf(text: string, options = {}): string | undefined {
  try {
    bdecode(Buffer.from(text, 'latin1'), options);
    return undefined;
  } catch (error) {
    return error instanceof FleetseedError ? error.code : 'another error';
  }
}

describe('bencode', () => {
  it('gives back what was encoded, canonically', () => {
    fc.assert(
      fc.property(value, (original) => {
        const bytes = bencode(original);
        const decoded = bdecode(bytes, { strictOrder: true });
        expect(decoded).toEqual(original);
        expect(bencode(decoded)).toEqual(bytes);
      }),
    );
  });

  it('refuses every truncation', () => {
    fc.assert(
      fc.property(value, fc.nat(), (original, cut) => {
        const bytes = bencode(original);
        const part = bytes.toString('latin1', 0, cut % bytes.length);
        expect(codeOf(part)).toBe('BENCODE_INVALID');
      }),
    );
  });

  it('throws nothing but BENCODE_INVALID on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.string({ maxLength: 20 }), (raw, text) => {
        expect([undefined, 'BENCODE_INVALID']).toContain(
          codeOf(Buffer.from(raw).toString('latin1')),
        );
        expect([undefined, 'BENCODE_INVALID']).toContain(codeOf(`d${text}e`));
      }),
    );
  });

  it('sorts keys by their raw bytes', () => {
    const dict = new Map([
      [keyOfText('é'), 1],
      ['b', 2],
      ['B', 3],
      ['', 4],
    ]);
    expect(bencode(dict)).toEqual(Buffer.from('d0:i4e1:Bi3e1:bi2e2:éi1ee'));
  });

  it('writes strings as UTF-8 and raw parts as they are', () => {
    const dict = bdict({ text: 'ü', raw: new RawBencode(Buffer.from('i07e')), none: undefined });
    expect(bencode(dict)).toEqual(Buffer.from('d3:rawi07e4:text2:üe'));
  });

  it('tells how many bytes a value took when others follow', () => {
    const message = Buffer.from('d5:piecei0e8:msg_typei1eerest');
    expect(bdecodePrefix(message)).toEqual({
      value: new Map([
        ['piece', 0],
        ['msg_type', 1],
      ]),
      consumed: message.length - 4,
      disorder: message.indexOf('8:msg_type'),
    });
  });

  it('tells where the values of top-level keys stand, not those of nested ones', () => {
    const bytes = Buffer.from('d1:ai1e4:infod1:ai2ee1:z1:xe');
    const { ranges } = bdecodeLocated(bytes);
    const texts = [...ranges].map(([name, { start, end }]) => [
      name,
      bytes.toString('latin1', start, end),
    ]);
    expect(texts).toEqual([
      ['a', 'i1e'],
      ['info', 'd1:ai2ee'],
      ['z', '1:x'],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['a leading zero', 'i01e'],
    ['negative zero', 'i-0e'],
    ['a negative leading zero', 'i-01e'],
    ['an integer without digits', 'ie'],
    ['a lone minus', 'i-e'],
    ['a plus sign', 'i+1e'],
    ['a blank in an integer', 'i 1e'],
    ['a fraction', 'i1.5e'],
    ['an integer beyond 2^53', 'i9007199254740992e'],
    ['an overlong integer', `i1${'0'.repeat(400)}e`],
    ['an overlong run of zeros', `i${'0'.repeat(400)}e`],
    ['an overlong string length', `${'9'.repeat(30)}:a`],
    ['a string length with a leading zero', '01:a'],
    ['a string that is longer than the input', '5:abcd'],
    ['bytes after the value', 'i1ei2e'],
    ['a duplicate key', 'd1:ai1e1:ai2ee'],
    ['a key that is no string', 'di1ei2ee'],
    ['a key without value', 'd1:ae'],
    ['an unknown type', 'x'],
    ['a lone end', 'e'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(text)).toBe('BENCODE_INVALID');
  });

  it('tolerates unordered keys only when not asked to be strict', () => {
    expect(codeOf('d1:bi1e1:ai2ee')).toBeUndefined();
    expect(codeOf('d1:bi1e1:ai2ee', { strictOrder: true })).toBe('BENCODE_INVALID');
  });

  it('tells where the first unordered key stands, for each value and for the whole', () => {
    const bytes = Buffer.from('d1:cd1:bi1e1:ai2ee1:ad1:ai1ee1:bd1:bi1e1:ai2ee1:dlee');
    const { ranges } = bdecodeLocated(bytes);
    const places = [...ranges].map(([name, { disorder }]) => [name, disorder]);
    expect(places).toEqual([
      ['c', bytes.indexOf('1:ai2e')],
      ['a', null],
      ['b', bytes.lastIndexOf('1:ai2e')],
      ['d', null],
    ]);
    expect(bdecodePrefix(bytes).disorder).toBe(bytes.indexOf('1:ai2e'));
    expect(bdecodePrefix(Buffer.from('d1:ai1e1:bi2ee')).disorder).toBeNull();
  });

  it('bounds depth, length and count', () => {
    const deep = (depth: number) => 'l'.repeat(depth) + 'e'.repeat(depth);
    expect(codeOf(deep(100))).toBeUndefined();
    expect(codeOf(deep(101))).toBe('BENCODE_INVALID');
    expect(codeOf(deep(1_000_000))).toBe('BENCODE_INVALID');
    expect(codeOf('l'.repeat(1_000_000))).toBe('BENCODE_INVALID');
    expect(codeOf('3:abc', { maxBytes: 4 })).toBe('BENCODE_INVALID');
    expect(codeOf(`l${'le'.repeat(10)}e`, { maxItems: 11 })).toBeUndefined();
    expect(codeOf(`l${'le'.repeat(11)}e`, { maxItems: 11 })).toBe('BENCODE_INVALID');
  });

  it('names the offset', () => {
    expect(() => bdecode(Buffer.from('l3:abci01ee'))).toThrow(
      expect.objectContaining({ code: 'BENCODE_INVALID', facts: { offset: 6 } }),
    );
  });

  it('decodes bytes that are not at the start of their memory', () => {
    const memory = Buffer.from('xxi42exx');
    expect(bdecode(new Uint8Array(memory.buffer, memory.byteOffset + 2, 4))).toBe(42);
  });
});
