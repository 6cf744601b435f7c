import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import {
  allKeys,
  ArtifactStore,
  BlobStore,
  DocumentStore,
  leavesKey,
  Places,
  ReaderPool,
  type Depot,
  type Place,
} from '#lib/depot';
import type { Clock } from '#lib/runtime';

import { GarbageFinder, idOf, kindOf } from '../collection/garbage.finder.js';
import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';

const PREFIX = 'quarantine/';

const QuarantineDocument = z.looseObject({
  v: z.literal(1),
  object: z.string(),
  /** Files that are lost with it. */
  roots: z.array(z.string()),
  foundAt: z.number(),
});
type QuarantineDocument = z.infer<typeof QuarantineDocument>;

/** A file that artifacts name and that is not there. */
export interface LostFile {
  readonly root: string;
  readonly length: number;
  /** Where the damaged bytes are kept that it was taken out of use with; they may be cut short. */
  readonly damaged: Place;
  /** Those that have it. */
  readonly artifacts: readonly string[];
}

/**
 * Takes damaged content out of use: it counts as absent from then on, so that it is asked for when
 * somebody pushes it again, and nobody is given it meanwhile. What it was is kept for people to look
 * at, under `quarantine/`, until it is whole again.
 */
@Injectable()
export class Quarantine {
  readonly #records: DocumentStore<QuarantineDocument>;

  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    private readonly blobs: BlobStore,
    private readonly artifacts: ArtifactStore,
    private readonly readers: ReaderPool,
    private readonly garbage: GarbageFinder,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#records = new DocumentStore(depot, QuarantineDocument, 1);
  }

  /** The record comes first: an interruption leaves content that is known to be bad. */
  async take(object: string, roots: readonly string[]): Promise<void> {
    const record = { v: 1 as const, object, roots: [...roots], foundAt: this.clock.now() };
    await this.#records.update(`${PREFIX}${idOf(object)}.json`, () => record);
    await this.depot.delete(
      kindOf(object) === 'packs' ? `${object}.index` : leavesKey(idOf(object)),
    );
    if (await this.depot.statObject(object)) {
      await this.depot.moveObject(object, PREFIX + idOf(object));
    }
    this.readers.drop(object);
  }

  /** Files that artifacts name and that are not there: nobody may be told that they are. */
  async lostRoots(): Promise<Set<string>> {
    const records = await this.#all();
    return new Set(records.flatMap(({ roots }) => roots));
  }

  /** Whether anything is lost. */
  async isEmpty(): Promise<boolean> {
    return (await this.#all()).length === 0;
  }

  /** The lost files of these artifacts, with what is left of them. */
  async lostFiles(artifacts: Iterable<string>, signal: AbortSignal): Promise<LostFile[]> {
    const lost = await this.lostRoots();
    const found = new Map<string, LostFile & { readonly artifacts: string[] }>();
    if (lost.size === 0) return [];
    for (const artifact of artifacts) {
      signal.throwIfAborted();
      const places = (await this.artifacts.readPlaces(artifact))?.places;
      for (const root of lost) {
        const place = places?.get(root);
        if (!place || (await this.#isThere(root, place))) continue;
        const damaged = { ...place, object: PREFIX + idOf(place.object) };
        const file = found.get(root) ?? { root, length: place.length, damaged, artifacts: [] };
        file.artifacts.push(artifact);
        found.set(root, file);
      }
    }
    return [...found.values()];
  }

  /**
   * Finds lost files that have come again, and lets the places of all artifacts follow.
   * @returns how many objects are no longer needed here
   */
  async heal(artifacts: Iterable<string>, signal: AbortSignal): Promise<number> {
    const records = await this.#all();
    if (records.length === 0) return 0;
    const lost = new Set(records.flatMap(({ roots }) => roots));
    const named = new Map<string, Map<string, Place>>();
    const found = new Map<string, Place>();
    for (const artifact of artifacts) {
      signal.throwIfAborted();
      const stored = await this.artifacts.readPlaces(artifact);
      const here = new Map<string, Place>();
      for (const root of lost) {
        const place = stored?.places.get(root);
        if (!place) continue;
        here.set(root, place);
        if (!found.has(root) && (await this.#isThere(root, place))) found.set(root, place);
      }
      if (here.size > 0) named.set(artifact, here);
    }
    for (const artifact of named.keys()) await this.#follow(artifact, lost, found);
    const missing = new Set<string>();
    for (const here of named.values()) {
      for (const root of here.keys()) if (!found.has(root)) missing.add(root);
    }
    const healed = records.filter(({ roots }) => roots.every((root) => !missing.has(root)));
    for (const { object } of healed) {
      await this.depot.delete(PREFIX + idOf(object));
      await this.depot.delete(`${PREFIX}${idOf(object)}.json`);
    }
    return healed.length;
  }

  /** An artifact was made again: what it had lost is where `places` say. */
  async adopt(artifact: string, places: Places): Promise<void> {
    const lost = await this.lostRoots();
    const found = new Map([...places.entries()].filter(([root]) => lost.has(root)));
    if (found.size > 0) await this.#follow(artifact, lost, found);
  }

  /** Which of `artifacts` have each of these files, by root. */
  async artifactsWith(
    roots: readonly string[],
    artifacts: Iterable<string>,
  ): Promise<Map<string, string[]>> {
    const having = new Map(roots.map((root): [string, string[]] => [root, []]));
    for (const artifact of artifacts) {
      const places = (await this.artifacts.readPlaces(artifact))?.places;
      for (const [root, found] of having) if (places?.get(root)) found.push(artifact);
    }
    return having;
  }

  async #follow(
    artifact: string,
    lost: ReadonlySet<string>,
    found: ReadonlyMap<string, Place>,
  ): Promise<void> {
    for (;;) {
      const stored = await this.artifacts.readPlaces(artifact);
      if (!stored) return;
      let changed = false;
      const next: [string, Place][] = [];
      for (const [root, place] of stored.places.entries()) {
        const better = lost.has(root) ? found.get(root) : undefined;
        const moves = better !== undefined && better.object !== place.object;
        const gone = moves && !(await this.#isThere(root, place));
        next.push([root, gone ? better : place]);
        changed ||= gone;
      }
      if (!changed) return;
      if (await this.artifacts.replacePlaces(artifact, Places.of(next), stored.version)) return;
    }
  }

  async #isThere(root: string, { object, length }: Place): Promise<boolean> {
    if (kindOf(object) === 'blobs') return (await this.blobs.locateBlob(root))?.length === length;
    const index = await this.garbage.packIndex(object);
    return index?.get(root) !== undefined && (await this.depot.statObject(object)) !== null;
  }

  async #all(): Promise<QuarantineDocument[]> {
    const records: QuarantineDocument[] = [];
    for await (const key of allKeys(this.depot, PREFIX)) {
      const record = key.endsWith('.json') ? await this.#records.read(key) : null;
      if (record) records.push(record.value);
    }
    return records;
  }
}
