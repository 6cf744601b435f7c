import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { VirtualClock } from '#lib/runtime';

import { CacheBench, type CacheSettings, type CacheUnderTest } from './content-cache.fixture.js';
import { SPAN_BYTES } from './span.proof.js';

const MIB = 1024 * 1024;

let bench: CacheBench;
let cache: CacheUnderTest;
beforeEach(async () => {
  bench = await CacheBench.make();
  cache = await bench.open();
});
afterEach(async () => {
  await cache.disk.close();
  await bench.close();
});

async function reopened(settings: Parameters<CacheBench['open']>[0] = {}): Promise<void> {
  await cache.disk.close();
  cache = await bench.open(settings);
}

describe('content through the cache', () => {
  it('is what was put into the depot, and asked for once, in spans', async () => {
    for (const stored of bench.files) {
      const whole = await bench.read(cache, stored, 0, stored.bytes.length);
      expect(whole.equals(stored.bytes)).toBe(true);
    }
    const { contentBytes } = bench.far;
    const objects = new Map(bench.files.map(({ place }) => [place.object, 0]));
    for (const { place } of bench.files) {
      objects.set(place.object, Math.max(objects.get(place.object)!, place.offset + place.length));
    }
    expect(contentBytes).toBe([...objects.values()].reduce((sum, length) => sum + length));
    await reopened();
    for (const stored of bench.files) {
      const whole = await bench.read(cache, stored, 0, stored.bytes.length);
      expect(whole.equals(stored.bytes)).toBe(true);
    }
    expect(bench.far.contentBytes).toBe(contentBytes);
    expect(cache.counters.reads).toMatchObject({ store: 0, memory: 0, failed: 0 });
  });

  it('is asked for once by any number of readers at a time', async () => {
    const [large] = bench.files;
    const reads = Array.from({ length: 20 }, (_, index) =>
      bench.read(cache, large!, index * 100_000, 200_000),
    );
    const got = await Promise.all(reads);
    got.forEach((bytes, index) => {
      const from = index * 100_000;
      expect(bytes.equals(large!.bytes.subarray(from, from + 200_000))).toBe(true);
    });
    expect(bench.far.contentAsked).toHaveLength(1);
    expect(bench.far.contentAsked[0]!.range).toEqual({ offset: 0, length: SPAN_BYTES });
    expect(cache.counters.reads).toMatchObject({ store: 1, shared: 19 });
  });

  it('is asked for ahead of who reads in order', async () => {
    const [large] = bench.files;
    for (let at = 0; at < 2 * SPAN_BYTES + 1; at += MIB) await bench.read(cache, large!, at, 1);
    expect(bench.far.contentAsked).toHaveLength(3);
  });

  it('is never given when the store gives other bytes, or other hashes, than were put', async () => {
    const [large] = bench.files;
    const packed = bench.files.at(-1)!;
    for (const stored of [large!, packed]) {
      for (const wrong of [/\.(?:leaves|index)$/, /^(?!.*\.(?:leaves|index)$)/]) {
        bench.far.fault = (key) => (wrong.test(key) ? 'flipped' : null);
        const read = bench.read(cache, stored, 0, 1);
        await expect(read).rejects.toMatchObject({
          code: expect.stringMatching(/^DEPOT_(?:INTEGRITY|CORRUPT)$/) as string,
        });
      }
      bench.far.fault = null;
      expect((await bench.read(cache, stored, 0, 1))[0]).toBe(stored.bytes[0]);
    }
  });

  it('is fetched again where the disk has not kept it as it was', async () => {
    const [large] = bench.files;
    await bench.read(cache, large!, 0, large!.bytes.length);
    await reopened();
    for (const path of bench.spanFiles()) damage(path, 'flip', 1_000_003);
    for (let at = 0; at < large!.bytes.length; at += 65_536) {
      const length = Math.min(65_536, large!.bytes.length - at);
      const bytes = await bench.read(cache, large!, at, length);
      expect(bytes.equals(large!.bytes.subarray(at, at + length))).toBe(true);
    }
    expect(cache.counters.damaged.disk).toBe(3);
    expect(cache.counters.reads.store).toBe(3);
    await reopened();
    await bench.read(cache, large!, 0, large!.bytes.length);
    expect(cache.counters).toMatchObject({ damaged: { disk: 0 }, reads: { disk: 3, store: 0 } });
  });

  it('is taken over from a process that was killed, without what it was writing', async () => {
    const [large, , middle] = bench.files;
    await bench.read(cache, large!, 0, large!.bytes.length);
    await bench.read(cache, middle!, 0, 1);
    await reopened();
    const used = cache.disk.used;
    const [some] = bench.spanFiles();
    writeFileSync(`${some}.partial`, Buffer.alloc(MIB));
    await reopened();
    expect(bench.spanFiles().filter((path) => path.endsWith('.partial'))).toEqual([]);
    expect(cache.disk.used).toBe(used);
    expect(bench.bytesOnDisk()).toBe(used);
    await reopened({ limitBytes: 5 * MIB });
    expect(bench.bytesOnDisk()).toBeLessThanOrEqual(5 * MIB);
    // What was written last is what is left.
    await bench.read(cache, middle!, 0, 1);
    expect(cache.counters.reads.disk).toBe(1);
  });

  it('passes through when nothing can be written, and is kept again a minute later', async () => {
    const clock = new VirtualClock();
    await reopened({ clock });
    const [large, , middle] = bench.files;
    const folders = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
    for (const each of folders) rmSync(`${bench.folder}/${each}`, { recursive: true });
    const whole = await bench.read(cache, large!, 0, large!.bytes.length);
    expect(whole.equals(large!.bytes)).toBe(true);
    await cache.disk.settled();
    expect(cache.disk.used).toBe(0);
    expect(cache.counters.unkept).toBe(3);
    for (const each of folders) mkdirSync(`${bench.folder}/${each}`);
    clock.advance(59_000);
    await bench.read(cache, middle!, 0, 1);
    await cache.disk.settled();
    expect(cache.disk.used).toBe(0);
    clock.advance(2000);
    await bench.read(cache, bench.files.at(-1)!, 0, 1);
    await cache.disk.settled();
    expect(cache.disk.used).toBeGreaterThan(0);
  });

  it('is refused soon while the store is away, and does not take the whole memory to wait', async () => {
    const clock = new VirtualClock();
    await reopened({ clock, memoryBytes: 2 * SPAN_BYTES });
    const [large, , middle] = bench.files;
    await bench.read(cache, middle!, 0, 1);
    const gate = Promise.withResolvers<void>();
    bench.far.gate = gate.promise;
    bench.far.fault = () => 'away';
    const spans = [0, 1, 2].map((span) => bench.read(cache, large!, span * SPAN_BYTES, 1));
    const refused = Promise.allSettled(spans);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);
    for (const { reason } of (await refused) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'PIECE_UNAVAILABLE' });
    }
    gate.resolve();
    await expect(bench.read(cache, large!, 0, 1)).rejects.toThrow(FleetseedError);
    // What is here is given all the same.
    expect((await bench.read(cache, middle!, 5, 1))[0]).toBe(middle!.bytes[5]);
    bench.far.fault = null;
    expect((await bench.read(cache, large!, 0, 1))[0]).toBe(large!.bytes[0]);
  });

  it('lets others have their turn while somebody who is refused asks again and again', async () => {
    const [large] = bench.files;
    bench.far.fault = () => 'away';
    await expect(bench.read(cache, large!, 0, 1)).rejects.toThrow(FleetseedError);
    const gate = Promise.withResolvers<void>();
    bench.far.gate = gate.promise;
    bench.far.fault = null;
    const asked = bench.read(cache, large!, 0, 1);
    // What the event loop brings, as it does what comes from a store.
    setImmediate(() => gate.resolve());
    let isOver = false;
    void asked.finally(() => (isOver = true));
    let refusals = 0;
    while (!isOver && refusals < 10_000) {
      await bench.read(cache, large!, SPAN_BYTES, 1).catch(() => refusals++);
    }
    expect(isOver).toBe(true);
    expect((await asked)[0]).toBe(large!.bytes[0]);
    expect(refusals).toBeGreaterThan(0);
  });

  it('does not begin beyond its object', async () => {
    const [large] = bench.files;
    const read = bench.read(cache, large!, large!.bytes.length - 1, 2);
    await expect(read).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
  });
});

type Fault = 'away' | 'flipped' | null;

/** What happens to a cache, one after the other; reads of one step are all at once. */
const step$ = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      reads: fc.array(fc.tuple(fc.nat(62), fc.nat(10_000_000), fc.nat(700_000)), { maxLength: 8 }),
      fault: fc.constantFrom<Fault[]>('away', 'flipped', null, null, null),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('flip' as const, 'cut' as const, 'grow' as const),
      which: fc.nat(20),
      at: fc.nat(5_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);
type Step = typeof step$ extends fc.Arbitrary<infer T> ? T : never;

/** @returns how each read of the step ended */
async function happen(step: Step, settings: CacheSettings): Promise<string[]> {
  if (step.kind === 'crash') {
    await cache.crash();
    cache = await bench.open(settings);
    return [];
  }
  if (step.kind === 'read') {
    let left = 1;
    bench.far.fault = () => (left-- > 0 ? step.fault : null);
    return Promise.all(step.reads.map(([number, at, most]) => readSome(number, at, most)));
  }
  const paths = bench.spanFiles();
  const path = paths[step.which % paths.length];
  if (path === undefined) return [];
  damage(path, step.kind, step.at);
  return [];
}

/** A file that was being written, or gave way, since the folder was looked at stays gone. */
function damage(path: string, kind: 'flip' | 'cut' | 'grow', at: number): void {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const { size } = fstatSync(file);
  if (kind === 'grow') writeSync(file, 'x', size);
  else if (size > 0 && kind === 'cut') ftruncateSync(file, at % size);
  else if (size > 0) flipBit(file, at % size);
  closeSync(file);
}

function flipBit(file: number, at: number): void {
  const byte = Buffer.alloc(1);
  if (readSync(file, byte, 0, 1, at) === 0) return;
  byte[0]! ^= 1 << (at % 8);
  writeSync(file, byte, 0, 1, at);
}

async function readSome(number: number, at: number, most: number): Promise<string> {
  const stored = bench.files[number]!;
  const from = at % stored.bytes.length;
  const length = Math.min(most, stored.bytes.length - from);
  try {
    const got = await bench.read(cache, stored, from, length);
    return got.equals(stored.bytes.subarray(from, from + length)) ? 'right' : 'wrong';
  } catch (error) {
    return error instanceof FleetseedError ? 'refused' : String(error);
  }
}

describe('whatever happens to a cache', () => {
  it('no wrong byte is given, and no more of the disk is taken than may be', async () => {
    const limitBytes = 11 * MIB;
    const settings = { limitBytes, memoryBytes: SPAN_BYTES + MIB };
    await fc.assert(
      fc.asyncProperty(fc.array(step$, { maxLength: 10 }), async (steps) => {
        await reopened(settings);
        let mayBeAway = false;
        for (const step of steps) {
          const { store } = cache.counters.reads;
          if (step.kind === 'read') mayBeAway ||= step.fault === 'away';
          else if (step.kind === 'crash') mayBeAway = false;
          const mayRefuse = mayBeAway || (step.kind === 'read' && step.fault !== null);
          const allowed = mayRefuse ? ['right', 'refused'] : ['right'];
          expect(allowed).toEqual(expect.arrayContaining(await happen(step, settings)));
          // Since it gave something, nobody is refused for what was before.
          const isFaulty = step.kind === 'read' && step.fault !== null;
          if (!isFaulty && cache.counters.reads.store > store) mayBeAway = false;
          // A file that others made longer may be a page above what it was counted as.
          expect(bench.bytesOnDisk()).toBeLessThanOrEqual(limitBytes + 4096 * steps.length);
        }
      }),
      { numRuns: 8 },
    );
  });
});
