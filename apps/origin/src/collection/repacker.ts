import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import {
  ArtifactStore,
  BlobStore,
  MAX_PACK_BYTES,
  MAX_PACK_FILES,
  Places,
  type BlobFile,
  type Depot,
  type Place,
} from '#lib/depot';
import type { Logger } from '#lib/runtime';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { LOGGER } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import type { Condemned } from './condemned.js';
import { GarbageFinder } from './garbage.finder.js';
import type { LiveMarks } from './live-marks.js';
import { unlikeCondemned } from './pack-order.js';
import { planRepack, wornPacks, type MovedFile, type PackUse } from './repack.policy.js';

export interface RepackResult {
  readonly packs: number;
  readonly bytes: number;
  readonly damaged: readonly string[];
}

export interface RepackOptions {
  readonly condemned: Condemned;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Throws when another collection has begun: no places are changed behind its back. */
  readonly assertUnderWay: () => Promise<void>;
}

/**
 * Gathers what is needed of half empty packs into new ones. Places are replaced by compare-and-swap;
 * the old packs are garbage from then on, and stay for the whole grace for those who read them.
 */
@Injectable()
export class Repacker {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    private readonly blobs: BlobStore,
    private readonly artifacts: ArtifactStore,
    private readonly garbage: GarbageFinder,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async repack(marks: LiveMarks, options: RepackOptions): Promise<RepackResult> {
    const worn = wornPacks(await this.#uses(marks, options.signal));
    const plan = planRepack(worn, { bytes: MAX_PACK_BYTES, files: MAX_PACK_FILES });
    const bytes = plan.flat().reduce((sum, { length }) => sum + length, 0);
    if (options.dryRun || plan.length === 0) return { packs: worn.length, bytes, damaged: [] };
    const moved = new Map<string, Place>();
    const damaged: string[] = [];
    for (const files of plan) {
      options.signal.throwIfAborted();
      await this.#write(files, options.condemned, moved, damaged);
    }
    const left = new Set(worn.map(({ object }) => object));
    for (const artifact of marks.artifacts) {
      options.signal.throwIfAborted();
      await options.assertUnderWay();
      await this.#follow(artifact, left, moved);
    }
    return { packs: worn.length, bytes, damaged };
  }

  /** Moves the files of a damaged pack that are whole and needed into a new one. */
  async rescue(
    object: string,
    marks: LiveMarks,
    condemned: Condemned,
    signal: AbortSignal,
  ): Promise<void> {
    const live = marks.packs.get(object) ?? new Map<string, number>();
    const files = [...live].map(([root, length]) => ({ root, length, from: object }));
    const moved = new Map<string, Place>();
    await this.#write(files, condemned, moved, []);
    for (const artifact of marks.artifactsOf(object)) {
      signal.throwIfAborted();
      await this.#follow(artifact, new Set([object]), moved);
    }
  }

  async #uses(marks: LiveMarks, signal: AbortSignal): Promise<PackUse[]> {
    const uses: PackUse[] = [];
    for (const [object, live] of marks.packs) {
      signal.throwIfAborted();
      const stat = await this.depot.statObject(object);
      if (stat) uses.push({ object, length: stat.length, live });
    }
    return uses;
  }

  /** A file whose bytes are not what its root says stays where it is: its pack is needed by it. */
  async #write(
    files: readonly MovedFile[],
    condemned: Condemned,
    moved: Map<string, Place>,
    damaged: string[],
  ): Promise<void> {
    const good: (BlobFile & { readonly bytes: Buffer })[] = [];
    for (const file of files) {
      const bytes = await this.#read(file);
      const leaves = leafHashesOf(bytes);
      if (fileRoot(leaves, bytes.length)?.toString('hex') === file.root) {
        good.push({ root: file.root, length: file.length, leaves, bytes });
      } else damaged.push(`${file.from}#${file.root}`);
    }
    if (good.length === 0) return;
    const ordered = unlikeCondemned(good, condemned);
    if (!ordered) return;
    const places = await this.blobs.putPack(ordered, { chunks: ordered.map((it) => it.bytes) });
    ordered.forEach(({ root }, index) => moved.set(root, places[index]!));
  }

  async #read({ root, from, length }: MovedFile): Promise<Buffer> {
    const found = (await this.garbage.packIndex(from))?.get(root);
    if (found?.length !== length) {
      throw new FleetseedError('DEPOT_INTEGRITY', 'A pack does not hold the file of a place.', {
        object: from,
        root,
      });
    }
    try {
      return await this.depot.readObject(from, found);
    } catch (error) {
      // Cut short: what is lacking is as bad as what is wrong.
      const isCut = error instanceof FleetseedError && error.code === 'RANGE_NOT_SATISFIABLE';
      if (isCut) return Buffer.alloc(0);
      throw error;
    }
  }

  async #follow(
    artifact: string,
    left: ReadonlySet<string>,
    moved: ReadonlyMap<string, Place>,
  ): Promise<void> {
    for (;;) {
      const stored = await this.artifacts.readPlaces(artifact);
      if (!stored) return;
      const entries = [...stored.places.entries()];
      const next = entries.map(([root, place]) => {
        return [root, (left.has(place.object) && moved.get(root)) || place] as const;
      });
      if (next.every(([, place], index) => place === entries[index]![1])) return;
      const places = Places.of(next);
      if (await this.artifacts.replacePlaces(artifact, places, stored.version)) return;
      this.logger.debug('places were replaced meanwhile', { artifact });
    }
  }
}
