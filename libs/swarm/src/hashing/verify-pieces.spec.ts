import { randomBytes } from 'node:crypto';

import { afterAll, describe, expect, it } from 'vitest';

import { buildMetainfo, leafHashesOf, parseMetainfo, PieceMap } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { MemoryStore } from '../disk/memory-store.js';
import { BufferPool } from './buffer-pool.js';
import { HashPool } from './hash-pool.js';
import { PieceOffsets } from './piece-offsets.js';
import { verifyPieces } from './verify-pieces.js';

const MIB = 1024 * 1024;

/** Pieces and payload of an artifact with files of these lengths. */
function artifact(pieceLength: number, lengths: readonly number[]) {
  const contents = lengths.map((length) => randomBytes(length));
  const files = contents.map((content, index) => ({
    path: [`f${String(index).padStart(4, '0')}`],
    length: content.length,
    leafHashes: leafHashesOf(content),
  }));
  const built = buildMetainfo({ name: 't', pieceLength, format: 'v2', files, single: false });
  const pieces = new PieceMap(parseMetainfo(built.metainfoBytes));
  return { pieces, payload: Buffer.concat(contents) };
}

describe('verifyPieces', () => {
  const hasher = new HashPool();
  const buffers = new BufferPool(4 * MIB);

  afterAll(() => hasher.close());

  async function wrongIn(pieces: PieceMap, store: MemoryStore, candidates?: Bitfield) {
    const verified = await verifyPieces({
      store,
      pieces,
      candidates: candidates ?? Bitfield.full(pieces.pieceCount),
      hasher,
      buffers,
    });
    expect(buffers.used).toBe(0);
    return [...verified.missing()];
  }

  it('finds the pieces whose bytes are wrong, among many small files', async () => {
    const lengths = Array.from({ length: 300 }, (_, n) => (n % 10 === 0 ? 0 : n * 100));
    const { pieces, payload } = artifact(65_536, [...lengths, 400_000]);
    const offsets = new PieceOffsets(pieces);
    const bad = [0, 100, pieces.pieceCount - 1];
    for (const piece of bad) payload[offsets.offsetOf(piece)]! ^= 1;
    expect(await wrongIn(pieces, new MemoryStore(payload))).toEqual(bad);
  });

  it('verifies pieces that are larger than a span', async () => {
    const { pieces, payload } = artifact(4 * MIB, [9 * MIB + 5, 100, 4 * MIB]);
    expect(await wrongIn(pieces, new MemoryStore(payload))).toEqual([]);
    payload[5 * MIB]! ^= 1;
    expect(await wrongIn(pieces, new MemoryStore(payload))).toEqual([1]);
  });

  it('takes bytes that are not there as not right, and finds what is there around them', async () => {
    const { pieces, payload } = artifact(65_536, [2 * MIB, MIB]);
    const store = new MemoryStore(payload.length);
    const offsets = new PieceOffsets(pieces);
    const there = [0, 1, 2, 7, 8, 20, 33, 47];
    for (const piece of there) {
      const at = offsets.offsetOf(piece);
      await store.write(at, payload.subarray(at, at + pieces.lengthOf(piece)));
    }
    const missing = await wrongIn(pieces, store);
    expect(missing).toEqual(
      Array.from({ length: 48 }, (_, piece) => piece).filter((piece) => !there.includes(piece)),
    );
  });

  it('looks at candidates only, and tells of its progress', async () => {
    const { pieces, payload } = artifact(65_536, [MIB]);
    const candidates = new Bitfield(16);
    candidates.setRange(3, 2);
    candidates.set(9);
    const checked: number[][] = [];
    const verified = await verifyPieces({
      store: new MemoryStore(payload),
      pieces,
      candidates,
      hasher,
      buffers,
      onChecked: (...facts) => checked.push(facts),
    });
    expect([...verified.indices()]).toEqual([3, 4, 9]);
    expect(checked.toSorted((a, b) => a[0]! - b[0]!)).toEqual([
      [3, 2, 2],
      [9, 1, 1],
    ]);
  });

  it('stops when its signal aborts', async () => {
    const { pieces, payload } = artifact(65_536, [4 * MIB]);
    const signal = AbortSignal.abort(new Error('enough'));
    const verifying = verifyPieces({
      store: new MemoryStore(payload),
      pieces,
      candidates: Bitfield.full(pieces.pieceCount),
      hasher,
      buffers,
      signal,
    });
    await expect(verifying).rejects.toThrow('enough');
  });
});
