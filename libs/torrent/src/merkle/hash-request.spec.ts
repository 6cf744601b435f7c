import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { someBytes } from '../metainfo/metainfo.fixture.js';
import {
  hashesFor,
  pieceLayerRequests,
  uncleCount,
  verifyHashes,
  type HashRequest,
} from './hash-request.js';
import { BLOCK_LENGTH, HASH_LENGTH, merkleRoot, padHash } from './merkle.js';
import { MerkleTree } from './merkle.tree.js';

const KIB = 1024;
const leavesOf = (blocks: number) => someBytes(blocks * HASH_LENGTH, blocks);

function request(tree: MerkleTree, fields: Partial<HashRequest>): HashRequest {
  return { root: tree.root, base: tree.base, index: 0, length: 2, proofLayers: 0, ...fields };
}

describe('hash requests', () => {
  it('carry the uncles that their proof layers ask for', () => {
    expect(uncleCount({ length: 64, proofLayers: 5 })).toBe(0);
    expect(uncleCount({ length: 2, proofLayers: 0 })).toBe(0);
    expect(uncleCount({ length: 512, proofLayers: 10 })).toBe(2);
    expect(uncleCount({ length: 512, proofLayers: 9 })).toBe(1);
    expect(uncleCount({ length: 1, proofLayers: 9 })).toBe(10);
  });

  it('are made as libtorrent was seen to make them', () => {
    const root = Buffer.alloc(32, 1);
    const shape = (length: number, pieceLength: number) =>
      pieceLayerRequests(root, length, pieceLength).map((one) => [
        one.base,
        one.index,
        one.length,
        one.proofLayers,
      ]);
    expect(shape(3 * 1024 * KIB + 777, 64 * KIB)).toEqual([[2, 0, 64, 5]]);
    expect(shape(100 * KIB, 64 * KIB)).toEqual([[2, 0, 2, 0]]);
    expect(shape(1024 * KIB, 64 * KIB)).toEqual([[2, 0, 16, 3]]);
    expect(shape(1500 * 16 * KIB, 16 * KIB)).toEqual([
      [0, 0, 512, 10],
      [0, 512, 512, 10],
      [0, 1024, 512, 10],
    ]);
    expect(shape(513 * 16 * KIB, 16 * KIB)).toEqual([
      [0, 0, 512, 9],
      [0, 512, 512, 9],
    ]);
    expect(shape(64 * KIB, 64 * KIB)).toEqual([]);
  });

  it('bring the whole piece layer, each answer proved against the root alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 1600 }),
        fc.integer({ min: 0, max: 3 }),
        (pieces, base) => {
          const pieceLength = BLOCK_LENGTH * 2 ** base;
          const tree = new MerkleTree(leavesOf(pieces), base);
          const got: Buffer[] = [];
          for (const one of pieceLayerRequests(tree.root, pieces * pieceLength, pieceLength)) {
            const answer = hashesFor(one, tree)!;
            expect(answer.length).toBe((one.length + uncleCount(one)) * HASH_LENGTH);
            expect(verifyHashes(one, answer, tree.root)).toBe(true);
            got.push(answer.subarray(0, one.length * HASH_LENGTH));
          }
          expect(Buffer.concat(got).subarray(0, pieces * HASH_LENGTH)).toEqual(leavesOf(pieces));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are refused when any byte of the answer is changed', () => {
    const tree = new MerkleTree(leavesOf(40), 0);
    const one = request(tree, { index: 8, length: 8, proofLayers: 5 });
    const answer = hashesFor(one, tree)!;
    for (let at = 0; at < answer.length; at += 7) {
      const changed = Buffer.from(answer);
      changed[at]! ^= 1;
      expect(verifyHashes(one, changed, tree.root)).toBe(false);
    }
    expect(verifyHashes(one, answer.subarray(32), tree.root)).toBe(false);
    expect(verifyHashes({ ...one, index: 16 }, answer, tree.root)).toBe(false);
  });

  it('may be proved against an inner node that is known already', () => {
    const tree = new MerkleTree(leavesOf(1500), 0);
    const one = request(tree, { index: 512, length: 512, proofLayers: 9 });
    const answer = hashesFor(one, tree)!;
    expect(verifyHashes(one, answer, tree.node(10, 0))).toBe(true);
    expect(verifyHashes(one, answer, tree.root)).toBe(false);
  });

  it('are answered with pads for what is beyond the file', () => {
    const leaves = leavesOf(5);
    const atLeaves = hashesFor(
      request(new MerkleTree(leaves, 0), { index: 4, length: 4 }),
      new MerkleTree(leaves, 0),
    );
    expect(atLeaves).toEqual(Buffer.concat([leaves.subarray(128), Buffer.alloc(96)]));
    const tree = new MerkleTree(leaves, 3);
    expect(hashesFor(request(tree, { index: 6 }), tree)).toEqual(
      Buffer.concat([padHash(3), padHash(3)]),
    );
  });

  it('of length 1 are answered with the sibling first and then the uncles', () => {
    const tree = new MerkleTree(leavesOf(513), 0);
    const one = request(tree, { index: 512, length: 1, proofLayers: 9 });
    const answer = hashesFor(one, tree)!;
    expect(answer.length).toBe((1 + 1 + 9) * HASH_LENGTH);
    expect(answer.subarray(32, 64)).toEqual(padHash(0));
    expect(answer.subarray(64, 96)).toEqual(padHash(1));
    expect(answer.subarray(-32)).toEqual(merkleRoot(leavesOf(513).subarray(0, 512 * 32)));
    expect(verifyHashes(one, answer, tree.root)).toBe(true);
  });

  it.each<[string, Partial<HashRequest>]>([
    ['a layer below what is known', { base: 1 }],
    ['the root layer', { base: 5, length: 1 }],
    ['a layer above the root', { base: 6 }],
    ['an index that is no multiple of the length', { index: 1 }],
    ['a length that is no power of two', { length: 3, index: 3 }],
    ['no hashes', { length: 0 }],
    ['hashes beyond the tree', { index: 8 }],
    ['too many hashes', { length: 16 }],
    ['as many proof layers as the tree has', { proofLayers: 3 }],
    ['a negative index', { index: -2 }],
    ['negative proof layers', { proofLayers: -1 }],
  ])('are rejected for %s', (_, fields) => {
    const tree = new MerkleTree(leavesOf(5), 2);
    expect(hashesFor(request(tree, fields), tree)).toBeNull();
  });
});
