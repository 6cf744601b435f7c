import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Depot, DirectParts } from '#lib/depot';

import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';

const PART = 5 * 1024 * 1024;

let server: S3Server;
let depot: Depot;
let direct: DirectParts;
beforeAll(async () => {
  server = await startS3Server();
  depot = await openDepot(server);
  direct = depot.direct!;
}, 1_200_000);
afterAll(async () => {
  await depot.close();
  await server.stop();
});

/**
 * As a program that has nothing but the URL.
 * @returns the status; 0 when it was cut off in the middle of the bytes, before it could read why
 */
async function send(url: string, bytes: Buffer): Promise<number> {
  const answer = await fetch(url, { method: 'PUT', body: Uint8Array.from(bytes) }).catch(
    () => null,
  );
  await answer?.arrayBuffer();
  return answer?.status ?? 0;
}

const REFUSED = [0, 403];
const GONE = [0, 404];

describe('parts that go straight to the store', () => {
  it('are put together, and then changed by no URL any more', async () => {
    const content = randomBytes(2 * PART + 77);
    const part = (index: number) => content.subarray(index * PART, (index + 1) * PART);
    const parted = await direct.begin('uploads/x/f0.direct', content.length, PART);
    const urls = await Promise.all([0, 1, 2].map((index) => direct.urlOf(parted, index, 60)));
    for (const index of [2, 0]) expect(await send(urls[index]!, part(index))).toBe(200);
    expect(await direct.list(parted)).toEqual([0, 2]);
    await expect(direct.commit(parted)).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    expect(await depot.statObject(parted.key)).toBeNull();
    expect(await send(urls[1]!, part(1))).toBe(200);
    await direct.commit(parted);
    expect((await depot.readObject(parted.key)).equals(content)).toBe(true);
    expect(GONE).toContain(await send(urls[0]!, randomBytes(PART)));
    await expect(direct.commit(parted)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    expect((await depot.readObject(parted.key)).equals(content)).toBe(true);
  });

  it('have just the length that their URL was made for', async () => {
    const parted = await direct.begin('uploads/x/length', PART + 1, PART);
    const url = await direct.urlOf(parted, 0, 60);
    expect(REFUSED).toContain(await send(url, randomBytes(PART + 1)));
    expect(REFUSED).toContain(await send(url, randomBytes(PART - 1)));
    expect(await direct.list(parted)).toEqual([]);
    await direct.abort(parted);
    expect(GONE).toContain(await send(url, randomBytes(PART)));
  });

  it('go nowhere but where their URL leads, and only until it ends', async () => {
    const parted = await direct.begin('uploads/x/place', 2 * PART, PART);
    const url = await direct.urlOf(parted, 0, 1);
    const elsewhere = url.replace('/uploads/x/place', '/blobs/00/place');
    expect(REFUSED).toContain(await send(elsewhere, randomBytes(PART)));
    expect(REFUSED).toContain(
      await send(url.replace('partNumber=1', 'partNumber=2'), randomBytes(PART)),
    );
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(REFUSED).toContain(await send(url, randomBytes(PART)));
    expect(await direct.list(parted)).toEqual([]);
    expect(await depot.statObject('blobs/00/place')).toBeNull();
    for (const seconds of [0, 1.5, 8 * 86_400]) {
      const made = direct.urlOf(parted, 0, seconds);
      await expect(made).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
    const beyond = direct.urlOf(parted, 2, 60);
    await expect(beyond).rejects.toMatchObject({ code: 'PART_INVALID' });
    await direct.abort(parted);
  });
});
