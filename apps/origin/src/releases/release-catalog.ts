import { Inject, Injectable } from '@nestjs/common';

import { AppName, FleetseedError, Release, ReleaseDocument, RetiredDocument } from '#lib/contracts';
import { allKeys, depotPrefix, DocumentStore, keyPages, type Depot } from '#lib/depot';
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
  /** Versions that are given up; null before the first look. */
  retired: ReadonlySet<string> | null;
}

/**
 * The releases of all apps, read from the depot as they are asked for and kept: a listing of keys
 * tells what is new, also what another replica has written. Retired ones are shown to nobody but the
 * collection; their documents stay, so that no version is ever given another meaning.
 */
@Injectable()
export class ReleaseCatalog {
  readonly #documents: DocumentStore<ReleaseDocument>;
  readonly #retired: DocumentStore<RetiredDocument>;
  readonly #apps = new Map<string, KnownApp>();
  readonly #byArtifact = new Map<string, Release[]>();

  #looking: Promise<void> | null = null;
  #lookedAt = 0;

  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#documents = new DocumentStore(depot, ReleaseDocument, 1);
    this.#retired = new DocumentStore(depot, RetiredDocument, 1);
  }

  /** The names of all apps, in order. */
  async apps(): Promise<string[]> {
    const folders = await Array.fromAsync(allKeys(this.depot, depotPrefix.apps, { folders: true }));
    return folders.map((key) => key.slice(depotPrefix.apps.length, -1));
  }

  /** The releases of an app, newest first; none for an app that does not exist. */
  async list(app: string): Promise<readonly Release[]> {
    const known = await this.#refresh(app);
    known.sorted ??= [...known.byVersion.values()]
      .filter(({ version }) => !known.retired?.has(version))
      .sort(newestFirst);
    return known.sorted;
  }

  async find(app: string, version: string): Promise<Release | null> {
    const known = this.#apps.get(app)?.byVersion.get(version);
    const release = known ?? (await this.#load(app, version));
    if (!release) return null;
    const { retired } = this.#known(app);
    return (retired ?? (await this.#lookAtRetired(app))).has(version) ? null : release;
  }

  /** Asks the depot itself. */
  async isRetired(app: string, version: string): Promise<boolean> {
    return (await this.#retired.read(retiredKeyOf(app, version))) !== null;
  }

  /** @throws VERSION_RETIRED: a version is never used twice */
  async assertNotRetired(app: string, version: string): Promise<void> {
    if (!(await this.isRetired(app, version))) return;
    throw new FleetseedError(
      'VERSION_RETIRED',
      `${app}@${version} existed and was retired; a version is never used again.`,
      { app, version },
    );
  }

  /** Gives a release up; what only it needs is collected after a while. */
  async retire({ app, version }: Release): Promise<void> {
    const retiredAt = this.clock.now();
    await this.#retired.create(retiredKeyOf(app, version), { v: 1, app, version, retiredAt });
    await this.#lookAtRetired(app);
  }

  /** Takes back what was retired and is not collected yet. */
  async restore({ app, version }: Release): Promise<void> {
    await this.#retired.delete(retiredKeyOf(app, version));
    await this.#lookAtRetired(app);
  }

  /** The releases of an app that are given up, and since when. */
  async retired(app: string): Promise<{ release: Release; retiredAt: number }[]> {
    const { byVersion, retired } = await this.#refresh(app);
    const found: { release: Release; retiredAt: number }[] = [];
    await sideBySide(retired ?? [], READS_AT_ONCE, async (version) => {
      const document = await this.#retired.read(retiredKeyOf(app, version));
      const release = byVersion.get(version);
      if (document && release) found.push({ release, retiredAt: document.value.retiredAt });
    });
    return found;
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
    if (!this.#byArtifact.has(artifact)) await this.#look();
    const releases = this.#byArtifact.get(artifact) ?? [];
    return releases.filter(({ app, version }) => !this.#known(app).retired?.has(version));
  }

  /** Whether a release that is not retired has the artifact, as the depot says now. */
  async isNeeded(artifact: string): Promise<boolean> {
    for (const { app, version } of await this.ofArtifact(artifact)) {
      if (!(await this.isRetired(app, version))) return true;
    }
    return false;
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
    await this.#lookAtRetired(app);
    for await (const versions of this.#versions(depotPrefix.releases(app))) {
      const unknown = versions.filter((version) => !known.byVersion.has(version));
      await sideBySide(unknown, READS_AT_ONCE, (version) => this.#load(app, version));
    }
    return known;
  }

  async #lookAtRetired(app: string): Promise<ReadonlySet<string>> {
    const retired = new Set<string>();
    for await (const versions of this.#versions(depotPrefix.retired(app))) {
      for (const version of versions) retired.add(version);
    }
    const known = this.#known(app);
    const before = known.retired;
    const same = retired.size === before?.size && [...retired].every((each) => before.has(each));
    if (!same) known.sorted = null;
    known.retired = retired;
    return retired;
  }

  /** The versions that documents under a prefix are named for, page by page. */
  async *#versions(prefix: string): AsyncGenerator<string[]> {
    for await (const keys of keyPages(this.depot, prefix, { limit: 10_000 })) {
      yield keys.map((key) => key.slice(prefix.length, -'.json'.length));
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
    const known = this.#apps.get(app) ?? { byVersion: new Map(), sorted: null, retired: null };
    if (known.byVersion.size > 0 || this.#apps.has(app)) return known;
    if (AppName.safeParse(app).success) this.#apps.set(app, known);
    return known;
  }
}

function keyOf(app: string, version: string): string {
  return `${depotPrefix.releases(app)}${version}.json`;
}

function retiredKeyOf(app: string, version: string): string {
  return `${depotPrefix.retired(app)}${version}.json`;
}

/** Two of the same millisecond are told apart by their names, so that pages do not jump. */
function newestFirst(a: Release, b: Release): number {
  return b.createdAt - a.createdAt || (a.version < b.version ? 1 : -1);
}
