import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';
import { fileRoot, leafHashesOf, pieceLayerOf } from '#lib/torrent';

import type { FileDigest } from './file-digests.js';
import { HashPool } from './hash-pool.js';
import { InlineHasher } from './inline-hasher.js';

const BLOCK = 16_384;

function shared(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
}

function sha(algorithm: string, ...parts: Uint8Array[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function leavesOf(bytes: Uint8Array): Buffer {
  const leaves: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK) {
    leaves.push(sha('sha256', bytes.subarray(at, at + BLOCK)));
  }
  return Buffer.concat(leaves);
}

let folder: string;
const pool = new HashPool({ threads: 2, lightRate: 0 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-hash-'));
});

afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true });
});

describe.each([
  ['HashPool', pool],
  ['InlineHasher', new InlineHasher()],
])('%s hashes spans', (_, hasher) => {
  it('gives the known roots of zeros (BEP 52 vectors)', async () => {
    const zeros = shared(Buffer.alloc(65_536 + 1_048_576 - 65_536));
    const cut = { lengths: Uint32Array.of(1_048_576), paddedLeaves: Uint32Array.of(64) };
    const { leaves, roots } = await hasher.hashSpan(zeros, cut);
    expect(roots.toString('hex')).toBe(
      '515ea9181744b817744ded9d2e8e9dc6a8450c0b0c52e24b5077f302ffbd9008',
    );
    expect(leaves.subarray(0, 32).toString('hex')).toBe(
      '4fe7b59af6de3b665b67788cc2f99892ab827efae3a467342b3bb4e3bc8e5bfe',
    );
    expect(leaves.length).toBe(64 * 32);
  });

  it('cuts a span at piece boundaries and pads each with zero leaves', async () => {
    const bytes = randomBytes(100 + 40_000 + 16_384);
    const [small, middle, part] = [
      bytes.subarray(0, 100),
      bytes.subarray(100, 40_100),
      bytes.subarray(40_100),
    ];
    const { leaves, roots } = await hasher.hashSpan(shared(bytes), {
      lengths: Uint32Array.of(100, 40_000, 16_384),
      paddedLeaves: Uint32Array.of(1, 4, 0),
    });
    const own = leavesOf(middle);
    const left = sha('sha256', own.subarray(0, 64));
    const right = sha('sha256', own.subarray(64), Buffer.alloc(32));
    expect(leaves).toEqual(Buffer.concat([leavesOf(small), own, leavesOf(part)]));
    expect(roots).toEqual(
      Buffer.concat([leavesOf(small), sha('sha256', left, right), Buffer.alloc(32)]),
    );
  });

  it('hashes v1 pieces with the zeros of their pads', async () => {
    const bytes = randomBytes(70_000);
    const lengths = Uint32Array.of(65_536, 4_464);
    const hashes = await hasher.hashSpanV1(shared(bytes), lengths, Uint32Array.of(0, 61_072));
    expect(hashes).toEqual(
      Buffer.concat([
        sha('sha1', bytes.subarray(0, 65_536)),
        sha('sha1', bytes.subarray(65_536), Buffer.alloc(61_072)),
      ]),
    );
  });

  it('finds a root over leaves, also of a view into a larger buffer', async () => {
    const leaves = randomBytes(5 * 32).subarray(32);
    const root = await hasher.merkleRoot(leaves, 4);
    const left = sha('sha256', leaves.subarray(0, 64));
    expect(root).toEqual(sha('sha256', left, sha('sha256', leaves.subarray(64))));
  });
});

describe('HashPool', () => {
  it('refuses memory that threads cannot share', async () => {
    const cut = { lengths: Uint32Array.of(3), paddedLeaves: Uint32Array.of(1) };
    const plain = new Uint8Array(3) as Uint8Array as Uint8Array<SharedArrayBuffer>;
    await expect(pool.hashSpan(plain, cut)).rejects.toThrow('shared memory');
  });

  it('hashes a file over several jobs, v2 nodes and v1 pieces in one pass', async () => {
    const bytes = randomBytes(17 * 1024 * 1024 + 12_345);
    const path = join(folder, 'large');
    await writeFile(path, bytes);
    const seen: number[] = [];
    const digest = await pool.hashFile(path, bytes.length, {
      nodeSpan: 262_144,
      pieceLengthV1: 262_144,
      onBytes: (count) => seen.push(count),
    });
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 262_144) {
      pieces.push(sha('sha1', bytes.subarray(at, at + 262_144)));
    }
    const leaves = leafHashesOf(bytes);
    expect(digest.layer).toEqual(pieceLayerOf(leaves, 262_144));
    expect(digest.root).toEqual(fileRoot(leaves, bytes.length));
    expect(digest.piecesV1).toEqual(Buffer.concat(pieces));
    expect(digest.signature.size).toBe(bytes.length);
    expect(seen.toSorted((a, b) => b - a)).toEqual([8_388_608, 8_388_608, 1_060_921]);
  });

  it('gives every file of many the root it has by itself, whatever node it is cut into', async () => {
    const lengths = [
      0,
      1,
      BLOCK,
      BLOCK + 1,
      3 * BLOCK,
      0,
      4 * BLOCK,
      4 * BLOCK + 1,
      70_000,
      9_000_000,
    ];
    const contents = [...lengths, ...Array.from({ length: 400 }, (_, at) => at)].map((length) =>
      randomBytes(length),
    );
    const files = contents.map((bytes, index) => ({
      path: join(folder, `many-${index}`),
      length: bytes.length,
    }));
    for (const [index, { path }] of files.entries()) await writeFile(path, contents[index]!);
    const digests: FileDigest[] = [];
    const nodeSpan = 4 * BLOCK;
    const options = { nodeSpan, pieceLengthV1: nodeSpan, padV1: true };
    await pool.hashFiles(files, options, (index, digest) => (digests[index] = digest));

    for (const [index, bytes] of contents.entries()) {
      const leaves = leafHashesOf(bytes);
      const isLong = bytes.length > nodeSpan;
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += nodeSpan) {
        const piece = Buffer.alloc(nodeSpan);
        bytes.copy(piece, 0, at);
        pieces.push(sha('sha1', piece));
      }
      const { root, layer, piecesV1 } = digests[index]!;
      expect({ root, layer, piecesV1 }).toEqual({
        root: fileRoot(leaves, bytes.length),
        layer: isLong ? pieceLayerOf(leaves, nodeSpan) : null,
        piecesV1: Buffer.concat(pieces),
      });
    }
  });

  it('pads the last v1 piece of a file when asked to', async () => {
    const path = join(folder, 'padded');
    await writeFile(path, 'tail');
    const options = { pieceLengthV1: BLOCK, padV1: true };
    const { piecesV1 } = await pool.hashFile(path, 4, options);
    expect(piecesV1).toEqual(sha('sha1', Buffer.from('tail'), Buffer.alloc(BLOCK - 4)));
  });

  it('hashes an empty file to nothing', async () => {
    const path = join(folder, 'empty');
    await writeFile(path, '');
    const { root, layer, signature } = await pool.hashFile(path, 0);
    expect([root, layer, signature.size]).toEqual([null, null, 0]);
  });

  it('hashes v1 pieces that span files and pads', async () => {
    const [one, two] = [randomBytes(9_000_000), randomBytes(1000)];
    await writeFile(join(folder, 'one'), one);
    await writeFile(join(folder, 'two'), two);
    const hashes = await pool.hashStreamV1(
      [
        { path: join(folder, 'one'), start: 0, length: one.length },
        { path: null, start: 0, length: 77 },
        { path: join(folder, 'two'), start: 0, length: two.length },
      ],
      100_000,
    );
    const stream = Buffer.concat([one, Buffer.alloc(77), two]);
    const pieces: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 100_000) {
      pieces.push(sha('sha1', stream.subarray(at, at + 100_000)));
    }
    expect(hashes.equals(Buffer.concat(pieces))).toBe(true);
  });

  it('says that a file changed when it is longer, shorter, gone or a symlink', async () => {
    const path = join(folder, 'ten');
    await writeFile(path, '0123456789');
    await symlink('ten', join(folder, 'link'));
    const changed = { code: 'TREE_CHANGED' };
    await expect(pool.hashFile(path, 9)).rejects.toMatchObject(changed);
    await expect(pool.hashFile(path, 11)).rejects.toMatchObject(changed);
    await expect(pool.hashFile(join(folder, 'none'), 1)).rejects.toMatchObject(changed);
    await expect(pool.hashFile(join(folder, 'link'), 10)).rejects.toMatchObject(changed);
    await expect(pool.hashFile(folder, 1)).rejects.toMatchObject(changed);
  });

  it('stops when its signal aborts', async () => {
    const path = join(folder, 'aborted');
    await writeFile(path, Buffer.alloc(1024 * 1024));
    const abort = new AbortController();
    const hashing = pool.hashFile(path, 1024 * 1024, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(hashing).rejects.toThrow('enough');
  });

  it('rejects a job that cannot be done, and goes on with others', async () => {
    const own = new HashPool({ threads: 1, lightRate: 0 });
    const bad = { lengths: Uint32Array.of(0), paddedLeaves: Uint32Array.of(2) };
    const good = { lengths: Uint32Array.of(5), paddedLeaves: Uint32Array.of(1) };
    await expect(own.hashSpan(shared(Buffer.alloc(0)), bad)).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    const { roots } = await own.hashSpan(shared(Buffer.from('hello')), good);
    expect(roots).toEqual(sha('sha256', Buffer.from('hello')));
    await own.close();
  });

  it('hashes payload on the spot while little of it comes, and on threads when more does', async () => {
    const clock = new VirtualClock();
    const own = new HashPool({ threads: 1, lightRate: 1024 * 1024, clock });
    const bytes = shared(Buffer.alloc(128 * 1024, 7));
    const cut = { lengths: Uint32Array.of(bytes.length), paddedLeaves: Uint32Array.of(8) };
    const onTheSpot = await own.hashSpan(bytes, cut);
    expect(own.threadCount).toBe(0);
    // The allowance of an eighth of a second is used up.
    const onThread = await own.hashSpan(bytes, cut);
    expect(own.threadCount).toBe(1);
    expect(onThread.roots).toEqual(onTheSpot.roots);
    expect(onThread.leaves).toEqual(onTheSpot.leaves);
    await own.close();
  });

  it('fails on the spot as on threads', async () => {
    const own = new HashPool({ threads: 1 });
    const bad = { lengths: Uint32Array.of(0), paddedLeaves: Uint32Array.of(2) };
    await expect(own.hashSpan(shared(Buffer.alloc(0)), bad)).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    expect(own.threadCount).toBe(0);
    await own.close();
  });

  it('hashes by SHA-1 as well, and writes, what it is to store', async () => {
    const bytes = randomBytes(3 * 65_536 + 5000);
    const lengths = Uint32Array.of(65_536, 65_536, 65_536, 5000);
    const wanted = { lengths, paddedLeaves: Uint32Array.of(4, 4, 4, 1), sha1: true };
    const path = join(folder, 'stored');
    const file = await open(path, 'w');
    const to = { descriptor: file.fd, position: 100 };
    const stored = await pool.storeSpan(shared(bytes), { ...wanted, file: to });
    await file.close();
    expect(stored.leaves.equals(leavesOf(bytes))).toBe(true);
    const pieces = [0, 1, 2, 3].map((piece) =>
      bytes.subarray(piece * 65_536, (piece + 1) * 65_536),
    );
    expect(stored.piecesV1).toEqual(Buffer.concat(pieces.map((piece) => sha('sha1', piece))));
    expect((await readFile(path)).subarray(100).equals(bytes)).toBe(true);
    const { leaves, roots, piecesV1 } = await pool.storeSpan(shared(bytes), {
      ...wanted,
      sha1: false,
      file: null,
    });
    expect([leaves, roots, piecesV1]).toEqual([stored.leaves, stored.roots, Buffer.alloc(0)]);
  });

  it('says what the system said when a span cannot be written', async () => {
    const file = await open(join(folder, 'read-only'), 'w');
    await file.close();
    const reader = await open(join(folder, 'read-only'), 'r');
    const cut = { lengths: Uint32Array.of(5), paddedLeaves: Uint32Array.of(1), sha1: false };
    const to = { descriptor: reader.fd, position: 0 };
    const stored = pool.storeSpan(shared(Buffer.from('bytes')), { ...cut, file: to });
    await expect(stored).rejects.toMatchObject({ code: 'EBADF' });
    await reader.close();
  });

  it('ends its threads when there is nothing to do, and starts them again', async () => {
    const clock = new VirtualClock();
    const own = new HashPool({ threads: 1, idleMs: 1000, lightRate: 0, clock });
    await own.merkleRoot(Buffer.alloc(32), 1);
    expect(own.threadCount).toBe(1);
    clock.advance(1000);
    expect(own.threadCount).toBe(0);
    expect(await own.merkleRoot(Buffer.alloc(32), 1)).toEqual(Buffer.alloc(32));
    await own.close();
    await expect(own.merkleRoot(Buffer.alloc(32), 1)).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });
});
