import { describe, expect, it } from 'vitest';

import { BufferPool } from '../hashing/buffer-pool.js';
import { FreshSpans } from './fresh-spans.js';

const SPAN = 64 * 1024;

describe('FreshSpans', () => {
  it('serves what lies in a kept span, and nothing that it has only a part of', () => {
    const pool = new BufferPool(4 * 1024 * 1024);
    const fresh = new FreshSpans(4 * SPAN);
    const buffer = pool.acquire(SPAN)!;
    buffer.bytes[10] = 7;
    fresh.keep(1000, buffer);
    expect(fresh.lease(1010, 5)?.bytes[0]).toBe(7);
    expect(fresh.lease(999, 5)).toBeNull();
    expect(fresh.lease(1000 + SPAN - 4, 5)).toBeNull();
  });

  it('gives the oldest back when there are too many, but not from under a reader', () => {
    const pool = new BufferPool(4 * 1024 * 1024);
    const fresh = new FreshSpans(2 * SPAN);
    for (let index = 0; index < 2; index++) fresh.keep(index * SPAN, pool.acquire(SPAN)!);
    const lease = fresh.lease(0, SPAN)!;
    fresh.keep(2 * SPAN, pool.acquire(SPAN)!);
    expect(fresh.lease(0, SPAN)).toBeNull();
    expect(pool.used).toBe(3 * SPAN);
    lease.release();
    lease.release();
    expect(pool.used).toBe(2 * SPAN);
    expect(fresh.clear()).toBe(true);
    expect(pool.used).toBe(0);
  });
});
