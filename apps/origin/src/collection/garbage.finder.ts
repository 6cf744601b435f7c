import { Inject, Injectable } from '@nestjs/common';

import { ArtifactStore, BlobStore, keyPages, PackIndex, ReaderPool, type Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';
import type { LiveMarks } from './live-marks.js';

export const KINDS = ['artifacts', 'packs', 'blobs'] as const;
export type Kind = (typeof KINDS)[number];

/** The things of the depot by their keys without endings: `artifacts/<hash>`, `packs/<id>`, `blobs/<2>/<root>`. */
@Injectable()
export class GarbageFinder {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    private readonly artifacts: ArtifactStore,
    private readonly blobs: BlobStore,
    private readonly readers: ReaderPool,
  ) {}

  /** Every thing of a kind, each once and in order; with `behind`, only those behind that. */
  async *all(kind: Kind, behind?: string): AsyncGenerator<string> {
    let last = behind ?? '';
    const start = behind === undefined ? {} : { after: behind };
    for await (const keys of keyPages(this.depot, `${kind}/`, { limit: 10_000, ...start })) {
      for (const key of keys) {
        const thing = thingOf(key);
        if (thing !== last) yield thing;
        last = thing;
      }
    }
  }

  isLive(thing: string, marks: LiveMarks): boolean {
    const id = idOf(thing);
    if (kindOf(thing) === 'artifacts') return marks.artifacts.has(id);
    return marks.objects.has(thing) || (kindOf(thing) === 'blobs' && marks.uploadRoots.has(id));
  }

  /**
   * Whether an upload under way may come to rely on a thing: it holds one of the files declared. A
   * pack without its index may be just being written, and an artifact of nothing but empty files
   * has none to be told by.
   */
  async isDeclared(thing: string, marks: LiveMarks): Promise<boolean> {
    if (kindOf(thing) === 'blobs') return marks.uploadRoots.has(idOf(thing));
    if (kindOf(thing) === 'packs') {
      const index = await this.packIndex(thing);
      return index ? marks.isDeclared(index.roots()) : marks.uploadRoots.size > 0;
    }
    const stored = await this.artifacts.readPlaces(idOf(thing));
    if (!stored) return false;
    const roots = [...stored.places.entries()].map(([root]) => root);
    return roots.length === 0 || marks.isDeclared(roots);
  }

  async packIndex(object: string): Promise<PackIndex | null> {
    const key = `${object}.index`;
    if (!(await this.depot.statObject(key))) return null;
    return PackIndex.decode(await this.depot.readObject(key));
  }

  /** Bytes of its content; artifacts are documents and count for nothing. */
  async bytesOf(thing: string): Promise<number> {
    if (kindOf(thing) === 'artifacts') return 0;
    return (await this.depot.statObject(thing))?.length ?? 0;
  }

  async remove(thing: string): Promise<void> {
    const kind = kindOf(thing);
    if (kind === 'artifacts') return this.artifacts.delete(idOf(thing));
    if (kind === 'packs') await this.blobs.deletePack(thing);
    else await this.blobs.deleteBlob(idOf(thing));
    this.readers.drop(thing);
  }
}

export function kindOf(thing: string): Kind {
  return thing.slice(0, thing.indexOf('/')) as Kind;
}

export function idOf(thing: string): string {
  return thing.slice(thing.lastIndexOf('/') + 1);
}

function thingOf(key: string): string {
  const dot = key.lastIndexOf('.');
  return dot > key.lastIndexOf('/') ? key.slice(0, dot) : key;
}
