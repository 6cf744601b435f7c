import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fileRoot, leafHashesOf } from '#lib/torrent';

import { decodePartHashes, encodePartHashes, PartHasher } from './part-hashes.js';

const rootOf = (bytes: Buffer) => fileRoot(leafHashesOf(bytes), bytes.length)!.toString('hex');
const filled = (length: number, seed: number) => Buffer.alloc(length, `${seed}.`);

describe('hashes of a part', () => {
  it('are those of its files, however the bytes are cut into chunks', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 70_000 }), (given, chunk) => {
        const files = given.map((length, index) => filled(length, index));
        const whole = Buffer.concat(files);
        const hasher = new PartHasher(
          files.map((bytes) => ({ root: rootOf(bytes), length: bytes.length })),
          null,
        );
        for (let at = 0; at < whole.length; at += chunk) {
          hasher.update(whole.subarray(at, at + chunk));
        }
        const { digest, hashes } = hasher.finish();
        expect(digest).toEqual(createHash('sha256').update(whole).digest());
        expect(hashes.leaves).toEqual(Buffer.concat(files.map((bytes) => leafHashesOf(bytes))));
        expect(decodePartHashes(encodePartHashes(hashes))).toEqual(hashes);
      }),
      { numRuns: 30 },
    );
  });

  it('have the SHA-1 of the pieces of a hybrid file', () => {
    const bytes = filled(40_000, 3);
    const hasher = new PartHasher([{ root: null, length: bytes.length }], 16_384);
    hasher.update(bytes);
    const sha1 = (from: number) =>
      createHash('sha1')
        .update(bytes.subarray(from, from + 16_384))
        .digest();
    expect(hasher.finish().hashes.sha1).toEqual(
      Buffer.concat([sha1(0), sha1(16_384), sha1(32_768)]),
    );
  });

  it('refuse a file that is not the one declared', () => {
    const hasher = new PartHasher([{ root: '0'.repeat(64), length: 5 }], null);
    expect(() => hasher.update(Buffer.from('wrong'))).toThrow(
      expect.objectContaining({ code: 'ROOT_MISMATCH' }),
    );
  });

  it('refuse damaged documents', () => {
    const damaged = encodePartHashes({ leaves: Buffer.alloc(64), sha1: Buffer.alloc(0) });
    expect(() => decodePartHashes(damaged.subarray(0, 40))).toThrow(
      expect.objectContaining({ code: 'DEPOT_CORRUPT' }),
    );
    expect(() => decodePartHashes(Buffer.from('{}'))).toThrow(/damaged/);
  });
});
