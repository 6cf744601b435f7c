import { Inject, Injectable } from '@nestjs/common';

import { AppName, Release, ReleaseDocument } from '#lib/contracts';
import { depotPrefix, DocumentStore, type Depot } from '#lib/depot';
import { sideBySide, type Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';

const READS_AT_ONCE = 32;
/** How soon what another replica has written is seen, when an artifact is not known here. */
const LOOK_EVERY_MS = 1000;

/** Everything known of one app's releases; documents are write-once, so nothing here gets old. */
interface KnownApp {
  readonly byVersion: Map<string, Release>;
  /** Newest first; null after something came in. */
  sorted: Release[] | null;
}

/**
 * The releases of all apps, read from the depot as they are asked for and kept: a listing of keys
 * tells what is new, also what another replica has written.
 */
@Injectable()
export class ReleaseCatalog {
  readonly #documents: DocumentStore<ReleaseDocument>;
  readonly #apps = new Map<string, KnownApp>();
  readonly #byArtifact = new Map<string, Release[]>();

  #looking: Promise<void> | null = null;
  #lookedAt = 0;

  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#documents = new DocumentStore(depot, ReleaseDocument, 1);
  }

  /** The names of all apps, in order. */
  async apps(): Promise<string[]> {
    const names: string[] = [];
    for (let after: string | undefined; ;) {
      const start = after === undefined ? {} : { after };
      const page = await this.depot.list(depotPrefix.apps, { folders: true, ...start });
      names.push(...page.keys.map((key) => key.slice(depotPrefix.apps.length, -1)));
      if (page.next === null) return names;
      after = page.next;
    }
  }

  /** The releases of an app, newest first; none for an app that does not exist. */
  async list(app: string): Promise<readonly Release[]> {
    const known = await this.#refresh(app);
    known.sorted ??= [...known.byVersion.values()].sort(newestFirst);
    return known.sorted;
  }

  async find(app: string, version: string): Promise<Release | null> {
    const known = this.#apps.get(app)?.byVersion.get(version);
    return known ?? this.#load(app, version);
  }

  /**
   * Binds a version to an artifact, once and for ever.
   * @returns the release that the version has now, and whether this call made it
   */
  async create(release: Release): Promise<{ release: Release; created: boolean }> {
    const created = await this.#documents.create(keyOf(release.app, release.version), {
      v: 1,
      ...release,
    });
    const winner = await this.#load(release.app, release.version);
    return { release: winner ?? release, created };
  }

  /** Every release there is. */
  async *all(): AsyncGenerator<Release> {
    for (const app of await this.apps()) yield* await this.list(app);
  }

  /** The releases that an artifact has; none if it is not (or no longer) in any. */
  async ofArtifact(artifact: string): Promise<readonly Release[]> {
    const known = this.#byArtifact.get(artifact);
    if (known) return known;
    await this.#look();
    return this.#byArtifact.get(artifact) ?? [];
  }

  /** A list of artifacts that nobody has must not cost a look at the depot for each of them. */
  async #look(): Promise<void> {
    const now = this.clock.monotonic();
    if (this.#looking && now - this.#lookedAt < LOOK_EVERY_MS) return this.#looking;
    this.#lookedAt = now;
    this.#looking = this.#refreshAll();
    return this.#looking;
  }

  async #refreshAll(): Promise<void> {
    for (const app of await this.apps()) await this.#refresh(app);
  }

  async #refresh(app: string): Promise<KnownApp> {
    const known = this.#known(app);
    // A name that cannot be one has no folder, and must not become a part of a key.
    if (!AppName.safeParse(app).success) return known;
    const prefix = depotPrefix.releases(app);
    for (let after: string | undefined; ;) {
      const page = await this.depot.list(prefix, {
        limit: 10_000,
        ...(after === undefined ? {} : { after }),
      });
      const versions = page.keys.map((key) => key.slice(prefix.length, -'.json'.length));
      const unknown = versions.filter((version) => !known.byVersion.has(version));
      await sideBySide(unknown, READS_AT_ONCE, (version) => this.#load(app, version));
      if (page.next === null) return known;
      after = page.next;
    }
  }

  async #load(app: string, version: string): Promise<Release | null> {
    const stored = await this.#documents.read(keyOf(app, version));
    if (!stored) return null;
    const known = this.#known(app);
    const again = known.byVersion.get(version);
    if (again) return again;
    const release = Release.parse(stored.value);
    known.byVersion.set(version, release);
    known.sorted = null;
    const siblings = this.#byArtifact.get(release.artifact) ?? [];
    this.#byArtifact.set(release.artifact, [...siblings, release]);
    return release;
  }

  #known(app: string): KnownApp {
    const known = this.#apps.get(app) ?? { byVersion: new Map(), sorted: null };
    if (known.byVersion.size > 0 || this.#apps.has(app)) return known;
    if (AppName.safeParse(app).success) this.#apps.set(app, known);
    return known;
  }
}

function keyOf(app: string, version: string): string {
  return `${depotPrefix.releases(app)}${version}.json`;
}

/** Two of the same millisecond are told apart by their names, so that pages do not jump. */
function newestFirst(a: Release, b: Release): number {
  return b.createdAt - a.createdAt || (a.version < b.version ? 1 : -1);
}
