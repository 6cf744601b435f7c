import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { leavesKey, type Depot } from '#lib/depot';
import { fileRoot, LeafHasher, leafHashesOf } from '#lib/torrent';

import { GarbageFinder, idOf, kindOf } from '../collection/garbage.finder.js';
import { DEPOT } from '../depot/depot.tokens.js';

export interface Checked {
  readonly bytes: number;
  /** Roots of the files whose bytes are not theirs. */
  readonly bad: readonly string[];
}

/** Hashes blobs and packs as they lie in the depot. */
@Injectable()
export class ObjectCheck {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    private readonly garbage: GarbageFinder,
  ) {}

  /**
   * @param pace is awaited after each chunk
   * @returns null for what is not there (any more), or was never finished
   * @throws DEPOT_CORRUPT for the index of a pack; DISK_IO and the like
   */
  async check(
    object: string,
    pace: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Checked | null> {
    try {
      return await (kindOf(object) === 'packs'
        ? this.#pack(object, pace)
        : this.#blob(object, pace, signal));
    } catch (error) {
      // Collected while it was read.
      if (error instanceof FleetseedError && error.code === 'NOT_FOUND') return null;
      throw error;
    }
  }

  async #blob(
    object: string,
    pace: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Checked | null> {
    const root = idOf(object);
    if (!(await this.depot.statObject(leavesKey(root)))) return null;
    if (!(await this.depot.statObject(object))) return { bytes: 0, bad: [root] };
    const hasher = new LeafHasher();
    for await (const chunk of await this.depot.streamObject(object, undefined, { signal })) {
      hasher.update(chunk as Buffer);
      await pace((chunk as Buffer).length);
    }
    const leaves = hasher.finish();
    const stored = await this.depot.readObject(leavesKey(root));
    const found = fileRoot(leaves, hasher.length)?.toString('hex');
    return { bytes: hasher.length, bad: found === root && leaves.equals(stored) ? [] : [root] };
  }

  async #pack(object: string, pace: (bytes: number) => Promise<void>): Promise<Checked | null> {
    const index = await this.garbage.packIndex(object);
    if (!index) return null;
    const there = await this.depot.statObject(object);
    // A pack that was cut short has lost what lay behind the cut.
    const bytes = there ? await this.depot.readObject(object) : Buffer.alloc(0);
    await pace(bytes.length);
    const bad = [...index.roots()].filter((root) => {
      const { offset, length } = index.get(root)!;
      const file = bytes.subarray(offset, offset + length);
      if (file.length !== length) return true;
      const leaves = leafHashesOf(file);
      const whole = fileRoot(leaves, length)?.toString('hex') === root;
      return !whole || !leaves.equals(index.leaves(root)!);
    });
    return { bytes: bytes.length, bad };
  }
}
