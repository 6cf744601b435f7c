import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { fileRoot, leafHashesOf, merkleRoot, pieceLayerOf } from '#lib/torrent';

import { inChunks, TestHashing } from './body-hasher.fixture.js';
import { ChunkBody } from './body-source.js';
import {
  decodePartHashes,
  encodePartHashes,
  nodeSpanFor,
  partHashesOf,
  rootOfNodes,
  type Stretch,
} from './part-hashes.js';

const MIB = 1024 * 1024;
const hashing = new TestHashing();
afterAll(() => hashing.close());

const rootOf = (bytes: Buffer) => fileRoot(leafHashesOf(bytes), bytes.length)!.toString('hex');
const stretchOf = (bytes: Buffer) => ({
  root: rootOf(bytes),
  length: bytes.length,
  fileLength: bytes.length,
});
const filled = (length: number, seed: number) => Buffer.alloc(length, `${seed}.`);
const sha = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest();

function cutOf(stretches: readonly Stretch[], pieceLength: number, pieceLengthV1 = 0) {
  return {
    stretches: stretches.map(({ length }) => length),
    nodeSpan: nodeSpanFor(pieceLength),
    wholeFiles: stretches.every(({ length, fileLength }) => length === fileLength),
    digest: true,
    pieceLengthV1,
  };
}

describe('hashes of a part', () => {
  it('are those of its files, however the bytes are cut into chunks', async () => {
    const length = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 60_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 2_500_000 }) },
    );
    const lengths = fc.array(length, { minLength: 1, maxLength: 6 });
    const chunks = fc.integer({ min: 1000, max: 70_000 });
    await fc.assert(
      fc.asyncProperty(lengths, chunks, async (given, chunk) => {
        const files = given.map((bytes, index) => filled(bytes, index));
        const whole = Buffer.concat(files);
        const stretches = files.map((bytes) => stretchOf(bytes));
        const body = await hashing.hash(cutOf(stretches, 16_384), whole, chunk);
        expect(body.digest.equals(sha('sha256', whole))).toBe(true);
        const hashes = partHashesOf(stretches, 16_384, body);
        const leaves = Buffer.concat(files.map((bytes) => leafHashesOf(bytes)));
        expect(hashes.leaves.equals(leaves)).toBe(true);
        const longer = files.filter((bytes) => bytes.length > 16_384);
        const layers = longer.map((bytes) => pieceLayerOf(leafHashesOf(bytes), 16_384));
        expect(hashes.layer.equals(Buffer.concat(layers))).toBe(true);
        expect(decodePartHashes(encodePartHashes(hashes))).toEqual(hashes);
      }),
      { numRuns: 30 },
    );
  });

  it.each([40_000, 3 * MIB + 5])(
    'have the SHA-1 of the pieces of a hybrid file of %i bytes',
    async (length) => {
      const bytes = filled(length, 3);
      const stretches = [stretchOf(bytes)];
      const body = await hashing.hash(cutOf(stretches, 16_384, 16_384), bytes);
      const pieces: Buffer[] = [];
      for (let at = 0; at < length; at += 16_384) {
        pieces.push(sha('sha1', bytes.subarray(at, at + 16_384)));
      }
      expect(partHashesOf(stretches, 16_384, body).sha1.equals(Buffer.concat(pieces))).toBe(true);
    },
  );

  it.each([65_536, 2 * MIB])(
    'of parts of one file join to the hashes of the file, pieces of %i bytes',
    async (pieceLength) => {
      const partLength = 2 * pieceLength;
      const fileLength = 5 * pieceLength + 20_000;
      const file = filled(fileLength, 9);
      const layers: Buffer[] = [];
      for (let from = 0; from < fileLength; from += partLength) {
        const part = file.subarray(from, from + partLength);
        const stretches = [{ root: null, length: part.length, fileLength }];
        const body = await hashing.hash(cutOf(stretches, pieceLength), part);
        layers.push(partHashesOf(stretches, pieceLength, body).layer);
        expect(rootOfNodes(body.nodes, nodeSpanFor(pieceLength), partLength)).toEqual(
          merkleRoot(leafHashesOf(part), 0, partLength / 16_384),
        );
      }
      expect(Buffer.concat(layers)).toEqual(pieceLayerOf(leafHashesOf(file), pieceLength));
    },
  );

  it('are the same when the length shows only at the end', async () => {
    for (const length of [1, 70_000, MIB, 3 * MIB + 70_000]) {
      const bytes = filled(length, 5);
      const cut = { ...cutOf([stretchOf(bytes)], 65_536), stretches: null, digest: false };
      const body = await hashing.hash(cut, bytes);
      expect(body.leaves.equals(leafHashesOf(bytes))).toBe(true);
      expect(rootOfNodes(body.nodes, 65_536).toString('hex')).toBe(rootOf(bytes));
    }
  });

  it('refuse a file that is not the one declared', async () => {
    const stretches = [{ root: '0'.repeat(64), length: 5, fileLength: 5 }];
    const body = await hashing.hash(cutOf(stretches, 16_384), Buffer.from('wrong'));
    expect(() => partHashesOf(stretches, 16_384, body)).toThrow(
      expect.objectContaining({ code: 'ROOT_MISMATCH' }),
    );
  });

  it('take no more shared memory than there is, and give all of it back', async () => {
    const bytes = filled(5 * MIB, 1);
    const cut = cutOf([stretchOf(bytes)], 65_536, 65_536);
    const bodies = Array.from({ length: 6 }, () => hashing.hash(cut, bytes));
    const dropped = hashing.open(cut);
    for await (const chunk of dropped.through(new ChunkBody(inChunks(bytes, 65_536)))) {
      // The last one is in the depot's hands when the upload breaks off.
      if (dropped.length > 2 * MIB) break;
      dropped.stored(chunk);
    }
    dropped.close();
    for (const body of await Promise.all(bodies)) {
      expect(body.digest).toEqual(sha('sha256', bytes));
    }
    // All of it at once: nothing is lent any more.
    const all = Array.from({ length: 4 }, () => hashing.buffers.obtain(MIB));
    for (const buffer of await Promise.all(all)) buffer.release();
    expect(hashing.buffers.used).toBe(0);
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
