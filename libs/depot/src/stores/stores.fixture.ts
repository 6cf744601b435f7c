import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe } from 'vitest';

import type { Depot } from '../depot.js';
import { FsDepot } from '../fs/fs-depot.js';
import { MemoryDepot } from '../memory/memory-depot.js';
import type { BlobFile } from './blob-store.js';
import { leavesLength } from './layout.js';

async function fsDepot(): Promise<{ depot: Depot; dispose: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'fleetseed-stores-'));
  const depot = await FsDepot.open({ root, reserveBytes: 0 });
  const dispose = async () => {
    await depot.close();
    await rm(root, { recursive: true });
  };
  return { depot, dispose };
}

async function memoryDepot(): Promise<{ depot: Depot; dispose: () => Promise<void> }> {
  const depot = await MemoryDepot.open();
  return { depot, dispose: () => depot.close() };
}

/** Runs a suite on every depot there is, with a new one for each test. */
export function onEveryDepot(name: string, suite: (depot: () => Depot) => void): void {
  describe.each([
    ['memory', memoryDepot],
    ['fs', fsDepot],
  ] as const)(`${name} on %s`, (_, make) => {
    let made: Awaited<ReturnType<typeof make>>;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(() => made.dispose());
    suite(() => made.depot);
  });
}

export const randomRoot = () => randomBytes(32).toString('hex');

/** A file as a caller would have verified it. Stores do not hash, so any leaves do. */
export function fileOf(length: number): BlobFile & { readonly content: Buffer } {
  const content = randomBytes(length);
  return { root: randomRoot(), length, leaves: randomBytes(leavesLength(length)), content };
}
