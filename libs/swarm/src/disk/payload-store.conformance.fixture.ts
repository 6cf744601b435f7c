import { randomBytes } from 'node:crypto';

import { expect, it } from 'vitest';

import type { PayloadStore } from './payload-store.js';

const MIB = 1024 * 1024;

export interface StoreUnderTest {
  readonly store: PayloadStore;
  readonly cleanUp: () => Promise<void>;
}

/** The payload that the suite works on: small files, a large one, and ones of awkward lengths. */
export const CONFORMANCE_FILES = [
  { path: ['.fleetseed', 'tree.json'], length: 333 },
  { path: ['a', 'b', 'large'], length: 3 * MIB + 17 },
  { path: ['a', 'empty'], length: 0 },
  { path: ['a', 'one'], length: 1 },
  ...Array.from({ length: 200 }, (_, index) => ({
    path: ['many', `d${index % 7}`, `f${String(index).padStart(3, '0')}`],
    length: 5_000 + index,
  })),
  { path: ['z'], length: 70_000 },
];
export const CONFORMANCE_LENGTH = CONFORMANCE_FILES.reduce((sum, { length }) => sum + length, 0);

/** What the contract of {@link PayloadStore} says about reading; `payload` is what the store holds. */
export function readsAsTheContractSays(open: (payload: Buffer) => Promise<StoreUnderTest>): void {
  const payload = randomBytes(CONFORMANCE_LENGTH);

  it('reads any range exactly', async () => {
    const { store, cleanUp } = await open(payload);
    expect(store.length).toBe(payload.length);
    const ranges = [
      [0, 1],
      [332, 2],
      [0, payload.length],
      [3 * MIB, 900_000],
      [payload.length, 0],
    ];
    for (const [offset, length] of ranges) {
      const target = Buffer.alloc(length!);
      await store.read(offset!, target);
      expect(target.equals(payload.subarray(offset, offset! + length!))).toBe(true);
    }
    await cleanUp();
  });

  it('reads into shared memory, many ranges at once', async () => {
    const { store, cleanUp } = await open(payload);
    const offsets = Array.from({ length: 40 }, (_, index) => index * 100_000);
    const targets = offsets.map(() => new Uint8Array(new SharedArrayBuffer(65_536)));
    await Promise.all(offsets.map((offset, index) => store.read(offset, targets[index]!)));
    for (const [index, offset] of offsets.entries()) {
      expect(payload.subarray(offset, offset + 65_536).equals(targets[index]!)).toBe(true);
    }
    await cleanUp();
  });

  it('refuses ranges outside of the payload', async () => {
    const { store, cleanUp } = await open(payload);
    const outside = [
      [-1, 1],
      [payload.length, 1],
      [payload.length - 1, 2],
      [0.5, 1],
    ];
    for (const [offset, length] of outside) {
      await expect(store.read(offset!, Buffer.alloc(length!))).rejects.toThrow(RangeError);
    }
    await cleanUp();
  });

  it('waits for what is under way when it is closed, and refuses what comes later', async () => {
    const { store, cleanUp } = await open(payload);
    const target = Buffer.alloc(500_000);
    const reading = store.read(0, target);
    await store.close();
    await reading;
    expect(target.equals(payload.subarray(0, 500_000))).toBe(true);
    await store.close();
    const closed = { code: 'SHUTTING_DOWN' };
    await expect(store.read(0, target)).rejects.toMatchObject(closed);
    await cleanUp();
  });
}

/** What the contract says about writing. */
export function writesAsTheContractSays(open: () => Promise<StoreUnderTest>): void {
  it('has what was written, in any order and across files', async () => {
    const { store, cleanUp } = await open();
    const payload = randomBytes(CONFORMANCE_LENGTH);
    const step = 300_000;
    const offsets = Array.from({ length: Math.ceil(payload.length / step) }, (_, n) => n * step);
    const shared = new Uint8Array(new SharedArrayBuffer(payload.length));
    shared.set(payload);
    await Promise.all(
      offsets
        .reverse()
        .map((offset) => store.write(offset, shared.subarray(offset, offset + step))),
    );
    await store.sync();
    const target = Buffer.alloc(payload.length);
    await store.read(0, target);
    expect(target.equals(payload)).toBe(true);
    await cleanUp();
  });

  it('says that bytes are unavailable which were never written', async () => {
    const { store, cleanUp } = await open();
    const unavailable = { code: 'PIECE_UNAVAILABLE' };
    await expect(store.read(0, Buffer.alloc(10))).rejects.toMatchObject(unavailable);
    await store.write(0, randomBytes(333));
    await store.read(0, Buffer.alloc(333));
    const end = CONFORMANCE_LENGTH - 65_536;
    await expect(store.read(end, Buffer.alloc(65_536))).rejects.toMatchObject(unavailable);
    await cleanUp();
  });

  it('refuses to write outside of the payload, and after it was closed', async () => {
    const { store, cleanUp } = await open();
    await expect(store.write(CONFORMANCE_LENGTH, Buffer.alloc(1))).rejects.toThrow(RangeError);
    await store.close();
    const closed = { code: 'SHUTTING_DOWN' };
    await expect(store.write(0, Buffer.alloc(1))).rejects.toMatchObject(closed);
    await expect(store.sync()).rejects.toMatchObject(closed);
    await cleanUp();
  });
}
