import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  bytesOf,
  coded,
  collect,
  failingAfter,
  lentChunks,
  type ConformanceContext,
} from './conformance-context.fixture.js';

const orError = (read: Promise<Buffer>) => read.catch((error: unknown) => error);

/** Objects: whole or not at all, exact ranges, moved without copying. */
export function objectConformance({ depot, fresh }: ConformanceContext): void {
  describe('objects', () => {
    it('gives back what was put, by every way of reading', async () => {
      const key = fresh('object');
      const content = randomBytes(300_000);
      const length = await depot().putObject(key, [content.subarray(0, 7), content.subarray(7)]);
      expect(length).toBe(content.length);
      expect(await depot().statObject(key)).toEqual({ length });
      expect((await depot().readObject(key)).equals(content)).toBe(true);
      expect((await collect(await depot().streamObject(key))).equals(content)).toBe(true);
      const reader = await depot().openForRead(key);
      const buffer = Buffer.alloc(length + 2);
      await reader.read(buffer, 1, length, 0);
      await reader.close();
      expect(reader.length).toBe(length);
      expect(buffer.subarray(1, -1).equals(content)).toBe(true);
    });

    it('reads ranges exactly, and refuses those that do not exist', async () => {
      const key = fresh('range');
      const content = Buffer.from('0123456789');
      await depot().putObject(key, [content]);
      const reader = await depot().openForRead(key);
      const range = fc.record({
        offset: fc.integer({ min: -2, max: 12 }),
        length: fc.integer({ min: -1, max: 12 }),
      });
      await fc.assert(
        fc.asyncProperty(range, async ({ offset, length }) => {
          const inside = offset >= 0 && length >= 0 && offset + length <= content.length;
          const target = Buffer.alloc(Math.max(0, length));
          const reads = [
            depot().readObject(key, { offset, length }),
            depot().streamObject(key, { offset, length }).then(collect),
            reader.read(target, 0, length, offset).then(() => target),
          ];
          const expected = content.subarray(offset, offset + length);
          for (const outcome of await Promise.all(reads.map(orError))) {
            expect(outcome).toEqual(inside ? expected : coded('RANGE_NOT_SATISFIABLE'));
          }
        }),
      );
      await reader.close();
    });

    it('names what is not there', async () => {
      const key = fresh('missing');
      const missing = coded('NOT_FOUND');
      expect(await depot().statObject(key)).toBeNull();
      await expect(depot().readObject(key)).rejects.toEqual(missing);
      await expect(depot().streamObject(key)).rejects.toEqual(missing);
      await expect(depot().openForRead(key)).rejects.toEqual(missing);
      await expect(depot().moveObject(key, fresh('to'))).rejects.toEqual(missing);
    });

    it('shows nothing of an object whose sender failed half-way, and passes on the reason', async () => {
      const key = fresh('half');
      const reason = new Error('the sender went away');
      const half = failingAfter([randomBytes(2_000_000), randomBytes(2_000_000)], reason);
      await expect(depot().putObject(key, half)).rejects.toBe(reason);
      expect(await depot().statObject(key)).toBeNull();
      expect((await depot().list(key)).keys).toEqual([]);
    });

    it('refuses more and fewer bytes than were announced', async () => {
      const key = fresh('length');
      const wrong = coded('DEPOT_LENGTH_MISMATCH');
      await expect(depot().putObject(key, [bytesOf('12345')], { length: 4 })).rejects.toEqual(
        wrong,
      );
      await expect(depot().putObject(key, [bytesOf('123')], { length: 4 })).rejects.toEqual(wrong);
      expect(await depot().statObject(key)).toBeNull();
      expect(await depot().putObject(key, [bytesOf('1234')], { length: 4 })).toBe(4);
    });

    it('ends a put when its signal aborts', async () => {
      const key = fresh('abort');
      const controller = new AbortController();
      async function* endless() {
        for (;;) {
          yield randomBytes(64 * 1024);
          controller.abort(new Error('enough'));
        }
      }
      const put = depot().putObject(key, endless(), { signal: controller.signal });
      await expect(put).rejects.toThrow('enough');
      expect(await depot().statObject(key)).toBeNull();
    });

    it('streams a big object through', async () => {
      const key = fresh('big');
      const block = randomBytes(256 * 1024);
      async function* blocks() {
        for (let index = 0; index < 96; index++) yield block;
      }
      await depot().putObject(key, blocks(), { length: 96 * block.length });
      let length = 0;
      for await (const chunk of await depot().streamObject(key)) length += (chunk as Buffer).length;
      expect(length).toBe(96 * block.length);
      const reader = await depot().openForRead(key);
      const buffer = Buffer.alloc(block.length);
      await reader.read(buffer, 0, block.length, 95 * block.length);
      expect(buffer.equals(block)).toBe(true);
      await reader.close();
    });

    it('keeps objects without a byte', async () => {
      const key = fresh('nothing');
      expect(await depot().putObject(key, [])).toBe(0);
      expect(await depot().statObject(key)).toEqual({ length: 0 });
      expect(await depot().readObject(key)).toEqual(Buffer.alloc(0));
      expect(await collect(await depot().streamObject(key))).toEqual(Buffer.alloc(0));
      const beyond = depot().readObject(key, { offset: 0, length: 1 });
      await expect(beyond).rejects.toEqual(coded('RANGE_NOT_SATISFIABLE'));
    });

    it('gives back chunks that are lent, in order, and needs them no more', async () => {
      const key = fresh('lent');
      const content = randomBytes(20 * 65_536 + 7);
      const { chunks, onDone, told } = lentChunks(content, 65_536);
      await depot().putObject(key, chunks, { length: content.length, onDone });
      expect((await depot().readObject(key)).equals(content)).toBe(true);
      expect(told.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 65_536));
    });

    it('lets who gives chunks write them, where it keeps them in files', async () => {
      const key = fresh('given');
      const content = randomBytes(10 * 65_536 + 7);
      const { chunks, onDone } = lentChunks(content, 65_536);
      const writeAt = async (chunk: Uint8Array, descriptor: number, position: number) => {
        // Not at once: what is under way when all has been given is waited for.
        await new Promise(setImmediate);
        writeSync(descriptor, chunk, 0, chunk.length, position);
        onDone(chunk);
      };
      await depot().putObject(key, chunks, { length: content.length, onDone, writeAt });
      expect((await depot().readObject(key)).equals(content)).toBe(true);
    });

    it('removes an object, and can be told to again', async () => {
      const key = fresh('removed');
      await depot().putObject(key, [bytesOf('x')]);
      await depot().delete(key);
      await depot().delete(key);
      expect(await depot().statObject(key)).toBeNull();
      expect((await depot().list(key)).keys).toEqual([]);
    });

    it('shows what was put at once, also to a listing', async () => {
      const folder = fresh('at-once');
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const key = `${folder}/${index}`;
          await depot().putObject(key, [bytesOf(`${index}`)]);
          expect((await depot().list(key, { limit: 1 })).keys).toEqual([key]);
          expect((await depot().readObject(key)).toString()).toBe(`${index}`);
        }),
      );
    });

    it('moves an object, also over one that is there', async () => {
      const [from, to] = [fresh('from'), `${fresh('deep')}/to/x`];
      for (const text of ['one', 'two']) {
        await depot().putObject(from, [bytesOf(text)]);
        await depot().moveObject(from, to);
        expect((await depot().readObject(to)).toString()).toBe(text);
        expect(await depot().statObject(from)).toBeNull();
      }
      await depot().moveObject(to, to);
      expect((await depot().readObject(to)).toString()).toBe('two');
    });

    it('keeps one of many that put the same key at once, whole', async () => {
      const key = fresh('same');
      const content = randomBytes(100_000);
      await Promise.all(Array.from({ length: 10 }, () => depot().putObject(key, [content])));
      expect((await depot().readObject(key)).equals(content)).toBe(true);
    });
  });
}
