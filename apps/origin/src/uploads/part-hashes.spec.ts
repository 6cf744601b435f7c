import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fileRoot, leafHashesOf, pieceLayerOf } from '#lib/torrent';

import { decodePartHashes, encodePartHashes, PartHasher } from './part-hashes.js';

const rootOf = (bytes: Buffer) => fileRoot(leafHashesOf(bytes), bytes.length)!.toString('hex');
const stretchOf = (bytes: Buffer) => ({
  root: rootOf(bytes),
  length: bytes.length,
  fileLength: bytes.length,
});
const filled = (length: number, seed: number) => Buffer.alloc(length, `${seed}.`);

describe('hashes of a part', () => {
  it('are those of its files, however the bytes are cut into chunks', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 70_000 }), (given, chunk) => {
        const files = given.map((length, index) => filled(length, index));
        const whole = Buffer.concat(files);
        const hasher = new PartHasher(
          files.map((bytes) => stretchOf(bytes)),
          16_384,
          false,
        );
        for (let at = 0; at < whole.length; at += chunk) {
          hasher.update(whole.subarray(at, at + chunk));
        }
        const { digest, hashes } = hasher.finish();
        expect(digest).toEqual(createHash('sha256').update(whole).digest());
        expect(hashes.leaves).toEqual(Buffer.concat(files.map((bytes) => leafHashesOf(bytes))));
        const longer = files.filter((bytes) => bytes.length > 16_384);
        const layers = longer.map((bytes) => pieceLayerOf(leafHashesOf(bytes), 16_384));
        expect(hashes.layer).toEqual(Buffer.concat(layers));
        expect(decodePartHashes(encodePartHashes(hashes))).toEqual(hashes);
      }),
      { numRuns: 30 },
    );
  });

  it('have the SHA-1 of the pieces of a hybrid file', () => {
    const bytes = filled(40_000, 3);
    const hasher = new PartHasher([stretchOf(bytes)], 16_384, true);
    hasher.update(bytes);
    const sha1 = (from: number) =>
      createHash('sha1')
        .update(bytes.subarray(from, from + 16_384))
        .digest();
    expect(hasher.finish().hashes.sha1).toEqual(
      Buffer.concat([sha1(0), sha1(16_384), sha1(32_768)]),
    );
  });

  it('of parts of one file join to the hashes of the file', () => {
    const fileLength = 5 * 65_536 + 20_000;
    const bytes = filled(fileLength, 9);
    const parts = [0, 131_072, 262_144].map((from) => bytes.subarray(from, from + 131_072));
    const layers = parts.map((part) => {
      const hasher = new PartHasher(
        [{ root: null, length: part.length, fileLength }],
        65_536,
        false,
      );
      hasher.update(part);
      return hasher.finish().hashes.layer;
    });
    expect(Buffer.concat(layers)).toEqual(pieceLayerOf(leafHashesOf(bytes), 65_536));
    const tail = new PartHasher([{ root: null, length: 20_000, fileLength }], 65_536, false);
    tail.update(bytes.subarray(5 * 65_536));
    expect(tail.finish().hashes.layer).toEqual(Buffer.concat(layers).subarray(-32));
  });

  it('refuse a file that is not the one declared', () => {
    const hasher = new PartHasher(
      [{ root: '0'.repeat(64), length: 5, fileLength: 5 }],
      16_384,
      false,
    );
    expect(() => hasher.update(Buffer.from('wrong'))).toThrow(
      expect.objectContaining({ code: 'ROOT_MISMATCH' }),
    );
  });

  it('refuse damaged documents', () => {
    const damaged = encodePartHashes({
      leaves: Buffer.alloc(64),
      layer: Buffer.alloc(0),
      sha1: Buffer.alloc(0),
    });
    expect(() => decodePartHashes(damaged.subarray(0, 40))).toThrow(
      expect.objectContaining({ code: 'DEPOT_CORRUPT' }),
    );
    expect(() => decodePartHashes(Buffer.from('{}'))).toThrow(/damaged/);
  });
});
