import fc from 'fast-check';
import { expect, it } from 'vitest';

import { damage } from '../damage.fixture.js';
import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import { decodeDontHave, encodeDontHave } from './dont-have.codec.js';
import {
  MAX_METADATA_BYTES,
  decodeExtensionHandshake,
  encodeExtensionHandshake,
} from './extension-handshake.codec.js';
import { decodeOfferMessage, encodeOfferMessage } from './fs-offer.codec.js';
import { decodeRunMessage, encodeRunMessage } from './fs-run.codec.js';
import { MAX_RANGES } from './index-ranges.js';
import { decodeMetadataMessage, encodeMetadataMessage } from './ut-metadata.codec.js';
import { ZONE_MARK_BYTES } from './zone-mark.js';

const u32 = fc.nat(0xffff_ffff);
const ranges = fc.array(fc.record({ first: u32, count: u32 }), { maxLength: 8 });

const handshakes = fc
  .record({
    m: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.nat(255))).map((all) => new Map(all)),
    reqq: fc.nat(),
    v: fc.string({ maxLength: 70 }),
    p: fc.nat(70_000),
    metadataSize: fc.nat(),
    uploadOnly: fc.boolean(),
    fs: fc.record({
      version: fc.nat(300),
      nonce: bytesOf(0, 40),
      role: fc.constantFrom('origin' as const, 'agent' as const),
      target: fc.string({ maxLength: 70 }),
      zone: bytesOf(0, 12),
    }),
  })
  .map(encodeExtensionHandshake);

function neverFails<T>(
  payloads: fc.Arbitrary<Buffer>,
  decode: (payload: Buffer) => T,
  check: (value: T) => void,
): void {
  fc.assert(
    fc.property(payloads, damage, (payload, damaged) => {
      const thrown = thrownBy(() => check(decode(damaged(payload))));
      expect(thrown).toSatisfy((error) => isOursOrNone(error, 'WIRE_INVALID'));
    }),
  );
}

it('a damaged extension handshake says nothing that cannot be', () => {
  neverFails(handshakes, decodeExtensionHandshake, ({ m, p, metadataSize, reqq, v, fs }) => {
    for (const id of m.values()) expect(id).toBeLessThanOrEqual(255);
    expect(p ?? 1).toSatisfy((port: number) => port >= 1 && port <= 65_535);
    expect(metadataSize ?? 0).toBeLessThanOrEqual(MAX_METADATA_BYTES);
    expect(reqq ?? 1).toBeGreaterThanOrEqual(1);
    expect(v?.length ?? 0).toBeLessThanOrEqual(64);
    expect(fs?.nonce.length ?? 32).toBe(32);
    expect(fs?.zone?.length ?? ZONE_MARK_BYTES).toBe(ZONE_MARK_BYTES);
  });
});

it('damaged lists of ranges are lists of ranges, or refused', () => {
  const check = (list: readonly { first: number; count: number }[]) => {
    expect(list.length).toBeLessThanOrEqual(MAX_RANGES);
    for (const { first, count } of list) {
      expect(count).toBeGreaterThan(0);
      expect(first + count).toBeLessThanOrEqual(0xffff_ffff);
    }
  };
  const have = ranges.map((pieces) => encodeRunMessage({ type: 'have', pieces }));
  neverFails(have, decodeRunMessage, (message) => {
    if (message.type === 'have') check(message.pieces);
  });
  const offers = ranges.map((runs) => encodeOfferMessage({ type: 'offer', runs }));
  neverFails(offers, decodeOfferMessage, ({ runs }) => check(runs));
});

it('damaged requests, losses and metadata are refused or read', () => {
  const spans = fc
    .record({
      type: fc.constantFrom('request' as const, 'reject' as const, 'cancel' as const),
      run: u32,
      offset: u32,
      length: u32,
    })
    .map(encodeRunMessage);
  neverFails(spans, decodeRunMessage, () => {});
  neverFails(u32.map(encodeDontHave), decodeDontHave, (piece) => {
    expect(piece).toBeGreaterThanOrEqual(0);
  });
  const metadata = fc
    .record({
      type: fc.constant('data' as const),
      piece: fc.nat(5000),
      totalSize: fc.nat(100_000_000),
      bytes: bytesOf(0, 100),
    })
    .map(encodeMetadataMessage);
  neverFails(metadata, decodeMetadataMessage, (message) => {
    if (message.type !== 'data') return;
    expect(message.totalSize).toBeLessThanOrEqual(MAX_METADATA_BYTES);
    expect(message.bytes.length).toBeLessThanOrEqual(16_384);
  });
});
