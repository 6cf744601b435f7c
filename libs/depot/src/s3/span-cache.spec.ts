import { describe, expect, it } from 'vitest';

import { S3ObjectReader } from './s3-object-reader.js';
import { SPAN, SpanCache, type SpanReads } from './span-cache.js';

/** Objects whose bytes tell where they lie, and every read of them. */
class CountedReads implements SpanReads {
  readonly seen: string[] = [];
  failures = 0;

  async read(key: string, { offset, length }: { offset: number; length: number }): Promise<Buffer> {
    this.seen.push(`${key} ${offset}+${length}`);
    if (this.failures-- > 0) throw new Error('as told');
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 4096) bytes.writeUInt32BE(offset + at, at);
    return bytes;
  }
}

function reading(limitSpans: number, length = 10 * SPAN) {
  const reads = new CountedReads();
  const cache = new SpanCache(reads, limitSpans * SPAN);
  const reader = new S3ObjectReader('key', length, cache);
  const numberAt = async (position: number) => {
    const buffer = Buffer.alloc(4);
    await reader.read(buffer, 0, 4, position);
    return buffer.readUInt32BE();
  };
  return { reads, reader, numberAt };
}

describe('objects that are read through the cache', () => {
  it('are asked for once, however many want blocks of one span at once', async () => {
    const { reads, numberAt } = reading(4);
    const positions = Array.from({ length: 64 }, (_, block) => 3 * SPAN + block * 16_384);
    expect(await Promise.all(positions.map(numberAt))).toEqual(positions);
    expect(reads.seen).toEqual([`key ${3 * SPAN}+${SPAN}`]);
  });

  it('are given across the borders of spans, and to their end', async () => {
    const { reads, reader } = reading(4, 2 * SPAN + 8192);
    const buffer = Buffer.alloc(SPAN + 8192);
    await reader.read(buffer, 0, buffer.length, SPAN);
    expect([buffer.readUInt32BE(0), buffer.readUInt32BE(SPAN + 4096)]).toEqual([
      SPAN,
      2 * SPAN + 4096,
    ]);
    expect(reads.seen).toEqual([`key ${SPAN}+${SPAN}`, `key ${2 * SPAN}+8192`]);
  });

  it('stay while they are used, and go when others need the room', async () => {
    const { reads, numberAt } = reading(2);
    for (const span of [0, 1, 0, 2, 0]) expect(await numberAt(span * SPAN)).toBe(span * SPAN);
    expect(reads.seen).toHaveLength(3);
    await numberAt(SPAN);
    expect(reads.seen).toHaveLength(4);
  });

  it('are asked for again after a failure', async () => {
    const { reads, numberAt } = reading(2);
    reads.failures = 1;
    await expect(numberAt(0)).rejects.toThrow('as told');
    expect(await numberAt(4096)).toBe(4096);
  });
});
