import { randomBytes } from 'node:crypto';

import { beforeAll, describe, expect, it } from 'vitest';

import {
  bytesOf,
  coded,
  failingAfter,
  lentChunks,
  type ConformanceContext,
} from './conformance-context.fixture.js';

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason: Error) => controller.abort(reason) };
}

/** Objects in parts: any order, the first put of a part decides, nothing visible before the commit. */
export function partsConformance({ depot, fresh }: ConformanceContext): void {
  describe('objects in parts', () => {
    let partLength: number;
    let content: Buffer;
    const part = (index: number) => [
      content.subarray(index * partLength, (index + 1) * partLength),
    ];
    beforeAll(() => {
      partLength = Math.max(64 * 1024, depot().limits.minPartLength);
      content = randomBytes(3 * partLength + 5);
    });

    it('puts them together in their order, however they came', async () => {
      const key = fresh('parted');
      const parted = JSON.parse(
        JSON.stringify(await depot().beginParts(key, content.length, partLength)),
      );
      await Promise.all([3, 1, 0].map((index) => depot().putPart(parted, index, part(index))));
      expect(await depot().listParts(parted)).toEqual([0, 1, 3]);
      await expect(depot().commitParts(parted)).rejects.toEqual(coded('UPLOAD_INCOMPLETE'));
      expect(await depot().statObject(key)).toBeNull();
      await depot().putPart(parted, 2, part(2));
      await depot().commitParts(parted);
      expect((await depot().readObject(key)).equals(content)).toBe(true);
      await expect(depot().commitParts(parted)).rejects.toEqual(coded('UPLOAD_NOT_FOUND'));
      await expect(depot().putPart(parted, 0, part(0))).rejects.toEqual(coded('UPLOAD_NOT_FOUND'));
    });

    it('lets the first put of a part decide, and ignores failed ones', async () => {
      const parted = await depot().beginParts(fresh('first'), content.length, partLength);
      const wrong = failingAfter([randomBytes(partLength)], new Error('wrong hash'));
      await expect(depot().putPart(parted, 1, wrong)).rejects.toThrow('wrong hash');
      expect(await depot().listParts(parted)).toEqual([]);
      const short = depot().putPart(parted, 1, [randomBytes(9)]);
      await expect(short).rejects.toEqual(coded('DEPOT_LENGTH_MISMATCH'));
      const first = await Promise.all([0, 1, 2, 3].map((i) => depot().putPart(parted, i, part(i))));
      expect(first).toEqual([true, true, true, true]);
      expect(await depot().putPart(parted, 1, [randomBytes(partLength)])).toBe(false);
      const late = failingAfter([randomBytes(partLength)], new Error('wrong hash'));
      expect(await depot().putPart(parted, 2, late)).toBe(false);
      await depot().commitParts(parted);
      expect((await depot().readObject(parted.key)).equals(content)).toBe(true);
    });

    it('takes a part from exactly one of many racers', async () => {
      const parted = await depot().beginParts(fresh('racers'), 5, 5);
      const racers = ['aaaaa', 'bbbbb', 'ccccc', 'ddddd'];
      const won = await Promise.all(racers.map((r) => depot().putPart(parted, 0, [bytesOf(r)])));
      expect(won.filter(Boolean)).toHaveLength(1);
      await depot().commitParts(parted);
      const stored = (await depot().readObject(parted.key)).toString();
      expect(stored).toBe(racers[won.indexOf(true)]);
    });

    it('takes parts that are lent, many at once', async () => {
      const parted = await depot().beginParts(fresh('lent'), content.length, partLength);
      await Promise.all(
        [0, 1, 2, 3].map(async (index) => {
          const { chunks, onDone } = lentChunks(part(index)[0]!, 10_000);
          expect(await depot().putPart(parted, index, chunks, { onDone })).toBe(true);
        }),
      );
      await depot().commitParts(parted);
      expect((await depot().readObject(parted.key)).equals(content)).toBe(true);
    });

    it('ends a part when its signal aborts, and takes it from the next sender', async () => {
      const parted = await depot().beginParts(fresh('aborted'), content.length, partLength);
      const { signal, abort } = abortable();
      async function* half() {
        yield content.subarray(0, 1000);
        abort(new Error('enough'));
        await new Promise(() => {});
      }
      const put = depot().putPart(parted, 0, half(), { signal });
      await expect(put).rejects.toThrow('enough');
      expect(await depot().listParts(parted)).toEqual([]);
      expect(await depot().putPart(parted, 0, part(0))).toBe(true);
      await depot().abortParts(parted);
    });

    it('lets many commit at once, and nobody after that', async () => {
      const parted = await depot().beginParts(fresh('commits'), 5, 5);
      await depot().putPart(parted, 0, [bytesOf('whole')]);
      const commits = await Promise.allSettled(
        Array.from({ length: 5 }, () => depot().commitParts(parted)),
      );
      expect(commits.map(({ status }) => status)).toContain('fulfilled');
      const gone = coded('UPLOAD_NOT_FOUND');
      const reasons = commits.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(reasons).toEqual(reasons.map(() => gone));
      expect((await depot().readObject(parted.key)).toString()).toBe('whole');
      await expect(depot().commitParts(parted)).rejects.toEqual(gone);
    });

    it('keeps two that are begun for one key apart', async () => {
      const key = fresh('twice');
      const first = await depot().beginParts(key, 5, 5);
      const second = await depot().beginParts(key, 5, 5);
      await depot().putPart(first, 0, [bytesOf('bytes')]);
      expect(await depot().listParts(second)).toEqual([]);
      await depot().abortParts(second);
      await depot().commitParts(first);
      expect((await depot().readObject(key)).toString()).toBe('bytes');
    });

    it('drops what is aborted, and refuses parts that do not exist', async () => {
      const parted = await depot().beginParts(fresh('dropped'), content.length, partLength);
      for (const index of [-1, 4, 0.5]) {
        const put = depot().putPart(parted, index, part(0));
        await expect(put).rejects.toEqual(coded('PART_INVALID'));
      }
      await depot().putPart(parted, 0, part(0));
      await depot().abortParts(parted);
      await depot().abortParts(parted);
      await expect(depot().listParts(parted)).rejects.toEqual(coded('UPLOAD_NOT_FOUND'));
      expect(await depot().statObject(parted.key)).toBeNull();
      expect((await depot().list('')).keys).not.toContain(parted.key);
    });

    it('refuses what its limits do not allow', async () => {
      const { maxPartLength, maxParts, minPartLength } = depot().limits;
      const tries = [
        [0, 1],
        [10, 0],
        [maxPartLength + 1, maxPartLength + 1],
        [minPartLength * (maxParts + 1), minPartLength],
        [minPartLength, minPartLength - 1],
        [1.5, 1],
      ] as const;
      for (const [length, each] of tries) {
        const begun = depot().beginParts(fresh('limits'), length, each);
        await expect(begun).rejects.toEqual(coded('REQUEST_INVALID'));
      }
    });
  });
}
