import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  MAX_HASH_REQUEST_LENGTH,
  hashesFor,
  uncleCount,
  verifyHashes,
  type HashRequest,
} from './hash-request.js';
import { HASH_LENGTH } from './merkle.js';
import { MerkleTree } from './merkle.tree.js';

const leaves = (count: number) =>
  Buffer.concat(Array.from({ length: count }, (_, at) => Buffer.alloc(HASH_LENGTH, at + 1)));
const trees = [1, 2, 3, 5, 16, 37].flatMap((count) =>
  [0, 2].map((base) => new MerkleTree(leaves(count), base)),
);
const trees$ = fc.constantFrom(...trees);
const u32 = fc.oneof(
  { weight: 4, arbitrary: fc.nat(40) },
  { weight: 2, arbitrary: fc.nat(13).map((bits) => 2 ** bits) },
  { weight: 1, arbitrary: fc.nat(0xffff_ffff) },
);
const requestsOf = (root: Buffer): fc.Arbitrary<HashRequest> =>
  fc.record({ root: fc.constant(root), base: u32, index: u32, length: u32, proofLayers: u32 });
const asked = trees$.chain((tree) =>
  requestsOf(tree.root).map((request): [MerkleTree, HashRequest] => [tree, request]),
);

describe('a hash request', () => {
  it('of any kind is rejected, or answered with as much as it may be', () => {
    fc.assert(
      fc.property(asked, ([tree, request]) => {
        const answer = hashesFor(request, tree);
        if (answer === null) return;
        const hashes = request.length + uncleCount(request);
        expect(answer.length).toBe(hashes * HASH_LENGTH);
        expect(request.length).toBeLessThanOrEqual(MAX_HASH_REQUEST_LENGTH);
      }),
    );
  });
});

describe('an answer', () => {
  it('that somebody changed proves nothing, whatever was changed', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(asked, flips, fc.nat(40), ([tree, request], list, cut) => {
        const answer = hashesFor(request, tree);
        if (answer === null) return;
        const uncles = uncleCount(request);
        const top = request.base + Math.log2(request.length) + uncles;
        const known = tree.node(top, 0);
        const first = request.index / request.length / 2 ** uncles;
        const proved = tree.node(top, Math.floor(first));
        expect(verifyHashes(request, answer, proved)).toBe(true);
        const changed = Buffer.from(answer);
        for (const [at, mask] of list) changed[at % changed.length]! ^= mask;
        const same = changed.equals(answer);
        expect(verifyHashes(request, changed, proved)).toBe(same);
        expect(verifyHashes(request, answer.subarray(cut), proved)).toBe(cut === 0);
        expect(verifyHashes(request, answer, known)).toBe(known.equals(proved));
      }),
    );
  });

  it('to any request, and of any bytes, is judged without an error', () => {
    fc.assert(
      fc.property(
        requestsOf(Buffer.alloc(32)).filter(({ length }) => length <= 8192),
        fc.uint8Array({ maxLength: 200 }),
        (request, bytes) => {
          expect(verifyHashes(request, Buffer.from(bytes), Buffer.alloc(32))).toBe(false);
        },
      ),
    );
  });
});
