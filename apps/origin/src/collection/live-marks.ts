import { Injectable } from '@nestjs/common';

import { ArtifactStore, type Places } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

import { ReleaseCatalog } from '../releases/release-catalog.js';
import type { UploadPlan } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';

const READS_AT_ONCE = 8;

/** Everything that something needs, as of one look. */
export class LiveMarks {
  readonly artifacts = new Set<string>();
  /** Keys of blobs and packs that artifacts name. */
  readonly objects = new Set<string>();
  /** Of packs, what artifacts need: root → bytes. */
  readonly packs = new Map<string, Map<string, number>>();
  /** Artifacts that name an object. */
  readonly #holders = new Map<string, string[]>();
  /** Roots that uploads under way have declared, whether they send them or know them to be here. */
  readonly uploadRoots = new Set<string>();
  /** Artifacts of releases that the depot lacks. */
  readonly lacking: string[] = [];

  addPlaces(artifact: string, places: Places): void {
    for (const [root, { object, length }] of places.entries()) {
      this.objects.add(object);
      this.#hold(object, artifact);
      if (!object.startsWith('packs/')) continue;
      const pack = this.packs.get(object) ?? new Map<string, number>();
      this.packs.set(object, pack.set(root, length));
    }
  }

  /** Those whose places name the object. */
  artifactsOf(object: string): readonly string[] {
    return this.#holders.get(object) ?? [];
  }

  /** Whether an upload under way may come to rely on a thing that holds these files. */
  isDeclared(roots: Iterable<string>): boolean {
    for (const root of roots) if (this.uploadRoots.has(root)) return true;
    return false;
  }

  /** An artifact is added in one go, so it is the last one of an object that it has named before. */
  #hold(object: string, artifact: string): void {
    const holders = this.#holders.get(object);
    if (!holders) this.#holders.set(object, [artifact]);
    else if (holders.at(-1) !== artifact) holders.push(artifact);
  }
}

/** Looks through the depot for what is needed. */
@Injectable()
export class LiveMarker {
  constructor(
    private readonly uploads: UploadStore,
    private readonly catalog: ReleaseCatalog,
    private readonly artifacts: ArtifactStore,
  ) {}

  /**
   * Uploads come first and releases after them: an upload that is published in between is found
   * as the one or as the other.
   * @param known artifacts whose places need not be read again
   * @param keptRetired whether a release that was retired then still has its content kept
   * @throws what keeps anything from being read: a collection that does not know all deletes nothing
   */
  async mark(
    signal: AbortSignal,
    keptRetired: (retiredAt: number) => boolean,
    known: ReadonlySet<string> = new Set(),
  ): Promise<LiveMarks> {
    const marks = new LiveMarks();
    await sideBySide(await this.uploads.ids(), READS_AT_ONCE, async (id) => {
      signal.throwIfAborted();
      const plan = await this.#planOf(id);
      for (const { root } of plan?.request.files ?? []) if (root) marks.uploadRoots.add(root);
      for (const artifact of plan?.knownFrom ?? []) marks.artifacts.add(artifact);
    });
    const released = new Set<string>();
    for (const app of await this.catalog.apps()) {
      for (const { artifact } of await this.catalog.list(app)) released.add(artifact);
      for (const { release, retiredAt } of await this.catalog.retired(app)) {
        if (keptRetired(retiredAt)) released.add(release.artifact);
      }
    }
    for (const artifact of released) marks.artifacts.add(artifact);
    const unread = [...marks.artifacts].filter((artifact) => !known.has(artifact));
    await sideBySide(unread, READS_AT_ONCE, async (artifact) => {
      signal.throwIfAborted();
      const stored = await this.artifacts.readPlaces(artifact);
      if (stored) marks.addPlaces(artifact, stored.places);
      else if (released.has(artifact)) marks.lacking.push(`artifacts/${artifact}.places`);
    });
    return marks;
  }

  /** What an upload has declared; null once it is published or gone, when releases speak for it. */
  async #planOf(id: string): Promise<UploadPlan | null> {
    const record = await this.uploads.find(id);
    if (!record || record.state === 'published') return null;
    try {
      return await this.uploads.plan(record);
    } catch (error) {
      const now = await this.uploads.find(id);
      // Published, dropped or planned anew while it was read.
      if (!now || now.state === 'published') return null;
      if (now.plan !== record.plan) return this.#planOf(id);
      // The bytes of a version that is another's are dropped, and the plan with them.
      if (now.state === 'failed' && now.error?.code === 'VERSION_TAKEN') return null;
      throw error;
    }
  }
}
