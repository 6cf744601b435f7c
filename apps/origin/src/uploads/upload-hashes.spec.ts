import { beforeEach, describe, expect, it } from 'vitest';

import { MemoryDepot } from '#lib/depot';

import type { PartHashes } from './part-hashes.js';
import { UploadHashes, type Gathering } from './upload-hashes.js';

const ID = 'a'.repeat(32);
const NONE = Buffer.alloc(0);

let depot: MemoryDepot;
let hashes: UploadHashes;
beforeEach(async () => {
  depot = await MemoryDepot.open();
  hashes = new UploadHashes(depot);
});

function gathering(object: string, handle: string): Gathering {
  return { object, source: { parted: { key: 'k', handle, length: 9, partLength: 9 } } };
}

const F0 = gathering('f0', 'first');
const F1 = gathering('f1', 'first');
const F10 = gathering('f10', 'first');

function hashesOf(byte: number): PartHashes {
  return { leaves: Buffer.alloc(64, byte), layer: Buffer.alloc(32, byte), sha1: NONE };
}

describe('hashes of the parts of an upload', () => {
  it('come back in the order of the parts, of the object that is asked for', async () => {
    for (const part of [11, 0, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10]) {
      await hashes.write(ID, F1, part, hashesOf(part));
    }
    await hashes.write(ID, F10, 0, hashesOf(99));
    const found = await hashes.read(ID, F1, 12);
    expect(found).toEqual(Array.from({ length: 12 }, (_, part) => hashesOf(part)));
    expect(await hashes.parts(ID, F10)).toEqual(new Set([0]));
  });

  it('are the same ones when a part is sent again with the same bytes', async () => {
    await hashes.write(ID, F0, 0, hashesOf(1));
    await hashes.write(ID, F0, 0, hashesOf(1));
    expect(await hashes.read(ID, F0, 1)).toEqual([hashesOf(1)]);
  });

  it('are not trusted when a part was sent with different bytes', async () => {
    await hashes.write(ID, F0, 0, hashesOf(1));
    await hashes.write(ID, F0, 1, hashesOf(2));
    await hashes.write(ID, F0, 1, hashesOf(3));
    const read = hashes.read(ID, F0, 2);
    await expect(read).rejects.toMatchObject({ code: 'ROOT_MISMATCH', facts: { part: 1 } });
    await hashes.drop(ID, F0);
    expect(await hashes.parts(ID, F0)).toEqual(new Set());
    await hashes.write(ID, F0, 0, hashesOf(4));
    expect(await hashes.read(ID, F0, 1)).toEqual([hashesOf(4)]);
  });

  it('are missed when some are gone', async () => {
    await hashes.write(ID, F0, 1, hashesOf(1));
    const read = hashes.read(ID, F0, 2);
    await expect(read).rejects.toMatchObject({ code: 'DEPOT_INTEGRITY', facts: { part: 0 } });
  });

  it('say nothing of another try of the object', async () => {
    await hashes.write(ID, F0, 0, hashesOf(1));
    const again = gathering('f0', 'second');
    expect(await hashes.parts(ID, again)).toEqual(new Set());
    const unread: Gathering = {
      object: 'f0',
      source: { direct: { key: 'k', handle: 'direct.first', length: 9, partLength: 9 } },
    };
    expect(await hashes.parts(ID, unread)).toEqual(new Set());
  });
});
