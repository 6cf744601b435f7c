import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type StartUpload, type Upload } from '#lib/contracts';
import { blobKey, uploadKey, type Depot } from '#lib/depot';
import { sideBySide, type Clock } from '#lib/runtime';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import type { Principal } from '../auth/principal.js';
import { CollectionWindow } from '../collection/collection-window.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { KnownPlaces } from '../publishing/known-places.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { checkTree, type DeclaredTree } from './declared-tree.js';
import { KnownContentFinder } from './known-content.js';
import { directUnsupported, versionTaken } from './upload-errors.js';
import { sameContent, uploadIdOf } from './upload-identity.js';
import { planObjects, type PlannedObject } from './upload-planner.js';
import type { PlanObject, UploadPlan, UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';
import { UploadViews } from './upload-view.js';

const BEGUN_AT_ONCE = 8;
const COLLECTED = {
  code: 'UPLOAD_INCOMPLETE',
  detail: 'Content that was there was collected while the upload began.',
};

/** Begins uploads, and finds those again that were begun before. */
@Injectable()
export class UploadStarter {
  constructor(
    private readonly store: UploadStore,
    private readonly views: UploadViews,
    private readonly known: KnownContentFinder,
    private readonly catalog: ReleaseCatalog,
    private readonly library: ArtifactLibrary,
    private readonly window: CollectionWindow,
    private readonly places: KnownPlaces,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws VERSION_TAKEN, VERSION_RETIRED, DEPOT_FULL, and what `checkTree` refuses */
  async start(app: string, request: StartUpload, caller: Principal): Promise<Upload> {
    const tree = checkTree(request);
    const id = uploadIdOf(app, tree, caller.id);
    const release = await this.catalog.find(app, request.version);
    if (release) {
      const { metainfo } = await this.library.open(release.artifact);
      if (!sameContent(tree, metainfo)) throw versionTaken(release);
      return this.views.published(id, tree, release, this.#expiry());
    }
    await this.catalog.assertNotRetired(app, request.version);
    const found = await this.#resumable(id);
    return this.views.whole(found ?? (await this.#begin(id, app, tree, caller)));
  }

  async #resumable(id: string): Promise<UploadRecord | null> {
    const record = await this.store.find(id);
    if (record?.state === 'publishing') return record;
    return record?.state === 'open' && record.expiresAt > this.clock.now() ? record : null;
  }

  /**
   * A record protects what it names from being collected once no collection that did not see it may
   * delete. What went while it was being written is asked for in a new plan.
   */
  async #begin(
    id: string,
    app: string,
    tree: DeclaredTree,
    caller: Principal,
  ): Promise<UploadRecord> {
    for (;;) {
      const before = await this.window.settled();
      const record = await this.#record(id, app, tree, caller);
      if ((await this.window.settled()) === before) return record;
      if (record.state !== 'open' || (await this.#isThere(record))) return record;
      await this.store.update(id, (current) =>
        current?.plan === record.plan && current.state === 'open'
          ? { ...current, state: 'failed', error: COLLECTED }
          : null,
      );
    }
  }

  /** Whether everything that the client was told it need not send is there. */
  async #isThere(record: UploadRecord): Promise<boolean> {
    try {
      await this.places.find(await this.store.plan(record));
      return true;
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'UPLOAD_INCOMPLETE') return false;
      throw error;
    }
  }

  async #record(
    id: string,
    app: string,
    tree: DeclaredTree,
    caller: Principal,
  ): Promise<UploadRecord> {
    const known = await this.known.find(caller, app, tree.contents);
    const planned = planObjects(tree.contents, known.roots, tree.pieceLength);
    const isDirect = tree.request.direct ?? false;
    if (isDirect && !this.depot.direct) throw directUnsupported();
    const earlier = await this.#earlierObjects(id);
    const objects = await this.#beginObjects(id, planned, earlier, isDirect);
    const plan: UploadPlan = {
      v: 1,
      request: tree.request,
      pieceLength: tree.pieceLength,
      objects,
      knownRoots: tree.contents.map(({ root }) => root).filter((root) => known.roots.has(root)),
      knownFrom: [...known.from],
    };
    const lacking = objects.reduce((sum, { bytes }) => sum + bytes, 0);
    const record: UploadRecord = {
      v: 1,
      upload: id,
      app,
      version: tree.request.version,
      state: 'open',
      run: 0,
      plan: await this.store.writePlan(id, plan),
      bytes: tree.bytes,
      knownBytes: tree.bytes - lacking,
      createdAt: this.clock.now(),
      createdBy: caller.name,
      creator: caller.id,
      expiresAt: this.#expiry(),
      error: null,
    };
    const winner = await this.#write(record);
    if (winner.plan !== record.plan) await this.#dropLost(plan, winner);
    return winner;
  }

  /** Of callers that begin the same upload at once one decides its plan. */
  async #write(record: UploadRecord): Promise<UploadRecord> {
    const now = this.clock.now();
    const written = await this.store.update(record.upload, (current) => {
      const live = current?.state === 'publishing' || (current?.expiresAt ?? 0) > now;
      if (current && live && current.state !== 'failed') return null;
      return { ...record, run: current?.run ?? 0 };
    });
    return written ?? (await this.store.find(record.upload)) ?? record;
  }

  /** What a failed or expired try with the same tree has gathered is used again. */
  async #earlierObjects(id: string): Promise<Map<string, PlanObject>> {
    const record = await this.store.find(id);
    const plan = record && (await this.store.plan(record).catch(() => null));
    const alive = new Map<string, PlanObject>();
    for (const object of plan?.objects ?? []) {
      if ((await this.store.received(object)).length > 0) alive.set(keyOf(object), object);
    }
    return alive;
  }

  async #beginObjects(
    id: string,
    planned: readonly PlannedObject[],
    earlier: ReadonlyMap<string, PlanObject>,
    isDirect: boolean,
  ): Promise<PlanObject[]> {
    const begun: PlanObject[] = [];
    try {
      await sideBySide(planned.entries(), BEGUN_AT_ONCE, async ([index, object]) => {
        const known = earlier.get(keyOf(object))?.source;
        const source = known ?? (await this.#beginSource(id, object, isDirect));
        begun[index] = { ...object, entries: [...object.entries], source };
      });
      return begun;
    } catch (error) {
      // The depot is full, say: nothing of this try stays behind.
      for (const object of begun.filter((each) => each !== undefined)) {
        if (!earlier.has(keyOf(object))) await this.store.abortParts(object);
      }
      throw error;
    }
  }

  /** Small files go through us: a request for each part and one for its URL would take longer. */
  async #beginSource(
    id: string,
    object: PlannedObject,
    isDirect: boolean,
  ): Promise<PlanObject['source']> {
    const { bytes, partBytes } = object;
    if (isDirect && this.depot.direct && isLarge(object)) {
      const key = uploadKey(id, `${object.object}.direct`);
      return { direct: await this.depot.direct.begin(key, bytes, partBytes) };
    }
    return { parted: await this.depot.beginParts(goalOf(id, object), bytes, partBytes) };
  }

  async #dropLost(plan: UploadPlan, winner: UploadRecord): Promise<void> {
    const kept = await this.store.plan(winner);
    const handles = new Set(kept.objects.map(({ source }) => JSON.stringify(source)));
    for (const object of plan.objects) {
      if (!handles.has(JSON.stringify(object.source))) await this.store.abortParts(object);
    }
  }

  #expiry(): number {
    return this.clock.now() + this.config.uploadExpirySeconds * 1000;
  }
}

/**
 * Where the parts of an object are put together: a large file in its place for good, because moving
 * it would copy it where the depot is a bucket. They are put together once their root is proven, and
 * nothing is to be seen there before. What a pack will be called shows only then.
 */
function goalOf(id: string, planned: PlannedObject): string {
  const [first] = planned.entries;
  return isLarge(planned) && first ? blobKey(first.root) : uploadKey(id, planned.object);
}

function isLarge({ object }: PlannedObject): boolean {
  return object.startsWith('f');
}

function keyOf({ object, bytes, partBytes, entries }: PlannedObject): string {
  return JSON.stringify([object, bytes, partBytes, entries]);
}
