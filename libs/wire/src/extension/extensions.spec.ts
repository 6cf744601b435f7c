import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bdict, bencode } from '#lib/torrent';

import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import { decodeDontHave, encodeDontHave } from './dont-have.codec.js';
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from './extension-handshake.codec.js';
import { EXTENSION } from './extension-names.js';
import { decodeOfferMessage, encodeOfferMessage } from './fs-offer.codec.js';
import { decodeRunMessage, encodeRunMessage, type RunMessage } from './fs-run.codec.js';
import { MAX_RANGES } from './index-ranges.js';
import { decodeMetadataMessage, encodeMetadataMessage } from './ut-metadata.codec.js';

const WIRE_INVALID = expect.objectContaining({ code: 'WIRE_INVALID' });
const u32 = fc.nat(0xffff_ffff);
const ranges = fc.array(
  fc.record({ first: fc.nat(1e6), count: fc.integer({ min: 1, max: 1e6 }) }),
  {
    maxLength: 20,
  },
);

describe('extension handshake', () => {
  const ours: ExtensionHandshake = {
    m: new Map([
      [EXTENSION.member, 1],
      [EXTENSION.run, 2],
      [EXTENSION.dontHave, 0],
    ]),
    reqq: 500,
    v: 'Fleetseed 0.1.0',
    p: 6881,
    yourip: 'fd00::12',
    metadataSize: 31_235,
    uploadOnly: true,
    fs: {
      version: 1,
      nonce: Buffer.alloc(32, 3),
      role: 'agent',
      target: 'web-17',
      zone: Buffer.alloc(8, 7),
    },
  };

  it('comes back as it was sent', () => {
    expect(decodeExtensionHandshake(encodeExtensionHandshake(ours))).toEqual(ours);
    const bare = { m: new Map<string, number>() };
    expect(decodeExtensionHandshake(encodeExtensionHandshake(bare))).toEqual(bare);
  });

  it('leaves out what has the wrong type and keeps the rest', () => {
    const payload = bencode(
      bdict({
        m: bdict({ ut_metadata: 2, broken: 'x', large: 256 }),
        p: 0,
        reqq: 'many',
        v: Buffer.alloc(500),
        yourip: Buffer.alloc(5),
        fs: bdict({ v: 1, n: Buffer.alloc(31), r: 'agent' }),
      }),
    );
    expect(decodeExtensionHandshake(payload)).toEqual({ m: new Map([['ut_metadata', 2]]) });
  });

  it('leaves out a zone that is none, and keeps who the peer says it is', () => {
    const identity = { v: 1, n: Buffer.alloc(32, 3), r: 'agent' };
    for (const z of [Buffer.alloc(7), Buffer.alloc(9), 7]) {
      const payload = bencode(bdict({ m: bdict({}), fs: bdict({ ...identity, z }) }));
      const { fs } = decodeExtensionHandshake(payload);
      expect(fs).toEqual({ version: 1, nonce: identity.n, role: 'agent' });
    }
  });

  it('refuses what is no dictionary', () => {
    expect(() => decodeExtensionHandshake(Buffer.from('i1e'))).toThrow(WIRE_INVALID);
    expect(() => decodeExtensionHandshake(Buffer.from('d1:m'))).toThrow(WIRE_INVALID);
    expect(() => decodeExtensionHandshake(Buffer.alloc(70_000, 'i'))).toThrow(WIRE_INVALID);
  });
});

describe('fs_run', () => {
  const spans = fc.record({
    type: fc.constantFrom('request' as const, 'reject' as const, 'cancel' as const),
    run: u32,
    offset: u32,
    length: u32,
  });
  const haves = fc.record({ type: fc.constant('have' as const), pieces: ranges });

  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(fc.oneof<fc.Arbitrary<RunMessage>[]>(spans, haves), (message) => {
        expect(decodeRunMessage(encodeRunMessage(message))).toEqual(message);
      }),
    );
  });

  it.each([
    '',
    '05',
    '01',
    '0000',
    `04${'00'.repeat(7)}`,
    '040000000100000000',
    '04ffffffff00000001',
  ])('refuses %j', (hex) =>
    expect(() => decodeRunMessage(Buffer.from(hex, 'hex'))).toThrow(WIRE_INVALID),
  );

  it('refuses more ranges than one message may have', () => {
    const many = Buffer.concat([
      Buffer.from([4]),
      Buffer.alloc(8 * (MAX_RANGES + 1), Buffer.from('0000000100000001', 'hex')),
    ]);
    expect(() => decodeRunMessage(many)).toThrow(WIRE_INVALID);
  });
});

describe('fs_offer', () => {
  it('comes back as it was sent', () => {
    const any = fc.record({
      type: fc.constantFrom('offer' as const, 'withdraw' as const, 'wish' as const),
      runs: ranges,
    });
    fc.assert(
      fc.property(any, (message) => {
        expect(decodeOfferMessage(encodeOfferMessage(message))).toEqual(message);
      }),
    );
  });

  it('refuses unknown kinds and broken lists', () => {
    for (const hex of ['', '03', '0000000001']) {
      expect(() => decodeOfferMessage(Buffer.from(hex, 'hex'))).toThrow(WIRE_INVALID);
    }
  });
});

describe('lt_donthave', () => {
  it('comes back as it was sent', () => {
    expect(decodeDontHave(encodeDontHave(77))).toBe(77);
    expect(() => decodeDontHave(Buffer.alloc(5))).toThrow(WIRE_INVALID);
  });
});

describe('ut_metadata', () => {
  it('has the bytes of BEP 9', () => {
    const request = encodeMetadataMessage({ type: 'request', piece: 0 });
    expect(request.toString('latin1')).toBe('d8:msg_typei0e5:piecei0ee');
  });

  it('comes back as it was sent, also when the data looks like bencode', () => {
    const data = fc
      .record({ before: fc.nat(3), last: bytesOf(1, 16_384) })
      .map(({ before, last }) => ({
        type: 'data' as const,
        piece: before,
        totalSize: before * 16_384 + last.length,
        bytes: last,
      }));
    fc.assert(
      fc.property(data, (message) => {
        expect(decodeMetadataMessage(encodeMetadataMessage(message))).toEqual(message);
      }),
      { numRuns: 30 },
    );
    const tricky = { type: 'data' as const, piece: 0, totalSize: 4, bytes: Buffer.from('d1:a') };
    expect(decodeMetadataMessage(encodeMetadataMessage(tricky))).toEqual(tricky);
    const reject = { type: 'reject' as const, piece: 9 };
    expect(decodeMetadataMessage(encodeMetadataMessage(reject))).toEqual(reject);
  });

  it('reads unknown types, so that they can be ignored', () => {
    const payload = Buffer.from('d8:msg_typei7ee');
    expect(decodeMetadataMessage(payload)).toEqual({ type: 'unknown', code: 7 });
  });

  it.each([
    ['no dictionary', 'i1e'],
    ['no type', 'de'],
    ['a negative piece', 'd8:msg_typei0e5:piecei-1ee'],
    ['data without a size', 'd8:msg_typei1e5:piecei0eeabc'],
    ['data of the wrong length', 'd8:msg_typei1e5:piecei0e10:total_sizei4eeabc'],
    ['a size beyond belief', 'd8:msg_typei1e5:piecei0e10:total_sizei999999999eeabc'],
  ])('refuses %s', (_what, text) => {
    expect(() => decodeMetadataMessage(Buffer.from(text))).toThrow(WIRE_INVALID);
  });
});

it('no extension codec throws anything but FleetseedError on garbage', () => {
  const decoders = [
    decodeExtensionHandshake,
    decodeRunMessage,
    decodeOfferMessage,
    decodeDontHave,
    decodeMetadataMessage,
  ];
  const garbage = fc.oneof(
    bytesOf(0, 60),
    fc
      .string({ unit: fc.constantFrom(...'d l i e 0 1 2 5 9 : - m n v'.split(' ')) })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(garbage, (bytes) => {
      for (const decode of decoders) {
        expect(thrownBy(() => decode(bytes))).toSatisfy(isOursOrNone);
      }
    }),
    { numRuns: 500 },
  );
});
