import { Injectable } from '@nestjs/common';

import { ArtifactStore, BlobStore, PACKED_BELOW } from '#lib/depot';

import { isAdmin, mayApp, type Principal } from '../auth/principal.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { Quarantine } from '../verification/quarantine.js';
import type { DeclaredContent } from './declared-tree.js';

/** Releases of one app that are searched, and other apps that are: their newest. */
const RELEASES_OF_APP = 8;
const RELEASES_OF_OTHERS = 4;
const OTHER_APPS = 32;

export interface KnownContent {
  readonly roots: ReadonlySet<string>;
  /** Artifacts that have known small files. */
  readonly from: readonly string[];
}

/**
 * What of a tree is here already. It is said only of content that the caller may read anyhow, so
 * that nobody learns what other apps are made of: large files of all its apps, small ones of the
 * newest releases of the app itself.
 */
@Injectable()
export class KnownContentFinder {
  constructor(
    private readonly catalog: ReleaseCatalog,
    private readonly artifacts: ArtifactStore,
    private readonly blobs: BlobStore,
    private readonly quarantine: Quarantine,
  ) {}

  async find(
    caller: Principal,
    app: string,
    contents: readonly DeclaredContent[],
  ): Promise<KnownContent> {
    const lost = await this.quarantine.lostRoots();
    const named = contents.filter(({ root }) => !lost.has(root));
    const isLarge = ({ length }: DeclaredContent) => length >= PACKED_BELOW;
    const large = new Set(named.filter(isLarge).map(({ root }) => root));
    const small = new Set(named.filter((each) => !isLarge(each)).map(({ root }) => root));
    const roots = new Set<string>();
    const from: string[] = [];
    for (const artifact of await this.#newest(app, RELEASES_OF_APP)) {
      const found = await this.#foundIn(artifact, [large, small], roots);
      if (found > 0) from.push(artifact);
    }
    const left = [...large].filter((root) => !roots.has(root));
    for (const root of await this.#findLarge(caller, app, left)) roots.add(root);
    return { roots, from };
  }

  async #findLarge(
    caller: Principal,
    app: string,
    wanted: readonly string[],
  ): Promise<Set<string>> {
    if (wanted.length === 0) return new Set();
    if (isAdmin(caller) || mayReadAll(caller)) return this.blobs.findBlobs(wanted);
    const found = new Set<string>();
    const others = (await this.catalog.apps()).filter(
      (other) => other !== app && mayKnow(caller, other),
    );
    for (const other of others.slice(0, OTHER_APPS)) {
      for (const artifact of await this.#newest(other, RELEASES_OF_OTHERS)) {
        await this.#foundIn(artifact, [new Set(wanted)], found);
      }
    }
    return found;
  }

  async #newest(app: string, count: number): Promise<Set<string>> {
    const releases = (await this.catalog.list(app)).slice(0, count);
    return new Set(releases.map(({ artifact }) => artifact));
  }

  /** Adds those of `wanted` that the artifact has. @returns how many were new */
  async #foundIn(
    artifact: string,
    wanted: readonly ReadonlySet<string>[],
    roots: Set<string>,
  ): Promise<number> {
    const stored = await this.artifacts.readPlaces(artifact);
    if (!stored) return 0;
    const before = roots.size;
    for (const set of wanted) {
      for (const root of set) if (!roots.has(root) && stored.places.get(root)) roots.add(root);
    }
    return roots.size - before;
  }
}

function mayKnow(caller: Principal, app: string): boolean {
  return mayApp(caller, 'read', app) || mayApp(caller, 'push', app);
}

function mayReadAll(caller: Principal): boolean {
  return caller.scopes.includes('app:*:read') || caller.scopes.includes('app:*:push');
}
