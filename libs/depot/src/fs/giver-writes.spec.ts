import { expect, it } from 'vitest';

import { GiverWrites } from './giver-writes.js';

it('gives back the room of a chunk that is not written because one before failed', async () => {
  let promised = 0;
  const room = (bytes: number) => {
    promised += bytes;
    let left = bytes;
    const written = (part: number) => {
      promised -= part;
      left -= part;
    };
    return { written, release: () => written(left) };
  };
  const writeAt = async () => {
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  };
  const writes = new GiverWrites('blobs/given', 0, writeAt, room);
  await writes.add(Buffer.alloc(1000), 0);
  await writes.settle();
  await expect(writes.add(Buffer.alloc(1000), 1000)).rejects.toMatchObject({ code: 'DEPOT_FULL' });
  expect(promised).toBe(0);
});
