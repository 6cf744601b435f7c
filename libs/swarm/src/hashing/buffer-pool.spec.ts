import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BufferPool, type SpanBuffer } from './buffer-pool.js';

const MIB = 1024 * 1024;

describe('BufferPool', () => {
  it('gives shared memory of exactly the length asked for', () => {
    const buffer = new BufferPool(MIB).acquire(70_000)!;
    expect(buffer.bytes.length).toBe(70_000);
    expect(buffer.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('says null when the budget is used up, until something is released', () => {
    const pool = new BufferPool(2 * MIB);
    const first = pool.acquire(MIB)!;
    expect(pool.acquire(MIB)).not.toBeNull();
    expect(pool.acquire(1)).toBeNull();
    first.release();
    first.release();
    expect(pool.used).toBe(MIB);
    expect(pool.acquire(MIB)).not.toBeNull();
    expect(pool.acquire(1)).toBeNull();
  });

  it('takes memory when it is looked at: room that was only held costs none', () => {
    const pool = new BufferPool(4 * MIB);
    const first = pool.acquire(MIB)!;
    const held = [pool.acquire(MIB)!, pool.acquire(MIB)!];
    const memory = first.bytes.buffer;
    first.release();
    expect(held[1]!.bytes.buffer).toBe(memory);
    expect(held[0]!.length).toBe(MIB);
    expect(pool.used).toBe(2 * MIB);
    for (const each of held) each.release();
    expect(() => held[0]!.bytes).toThrow('released');
    expect(pool.used).toBe(0);
  });

  it('uses memory again', () => {
    const pool = new BufferPool(MIB);
    const first = pool.acquire(MIB)!;
    const memory = first.bytes.buffer;
    first.release();
    expect(pool.acquire(900_000)!.bytes.buffer).toBe(memory);
  });

  it('serves those who wait in their order, and lets nobody overtake them', () => {
    const pool = new BufferPool(MIB);
    const held = [pool.acquire(MIB / 2)!, pool.acquire(MIB / 2)!];
    const served: string[] = [];
    pool.whenFree(MIB, (buffer) => (served.push('large'), buffer.release()));
    pool.whenFree(1, (buffer) => (served.push('small'), buffer.release()));
    held[0]!.release();
    expect(pool.acquire(1)).toBeNull();
    expect(served).toEqual([]);
    held[1]!.release();
    expect(served).toEqual(['large', 'small']);
  });

  it('serves the next when the one before withdraws', () => {
    const pool = new BufferPool(MIB);
    const held = [pool.acquire(MIB / 2)!, pool.acquire(MIB / 2)!];
    let served = false;
    const withdraw = pool.whenFree(MIB, () => {});
    pool.whenFree(1, () => (served = true));
    held[0]!.release();
    withdraw();
    expect(served).toBe(true);
  });

  it('stops waiting when the signal aborts', async () => {
    const pool = new BufferPool(MIB);
    const held = pool.acquire(MIB)!;
    const abort = new AbortController();
    const waiting = pool.obtain(1, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    held.release();
    expect(pool.used).toBe(0);
  });

  it('never exceeds its budget', () => {
    const length = fc.integer({ min: 1, max: MIB });
    fc.assert(
      fc.property(fc.array(fc.record({ length, back: fc.boolean() })), (steps) => {
        const pool = new BufferPool(4 * MIB);
        const held: SpanBuffer[] = [];
        for (const step of steps) {
          const buffer = pool.acquire(step.length);
          if (buffer) held.push(buffer);
          if (step.back) held.shift()?.release();
          expect(pool.used).toBeLessThanOrEqual(pool.budget);
        }
        for (const buffer of held) buffer.release();
        expect(pool.used).toBe(0);
      }),
    );
  });
});
