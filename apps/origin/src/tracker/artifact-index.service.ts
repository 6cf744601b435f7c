import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type Release } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ArtifactIndex, type FoundArtifact } from './artifact.index.js';
import { UnknownSwarms } from './unknown.swarms.js';

/** Between looks for what nobody told of: other replicas are heard, or they are not, ms. */
const HEARD_MS = 60_000;
const UNHEARD_MS = 3000;

/**
 * Keeps the index complete: everything of the depot at start, then what is published. What another
 * replica published without being heard is looked for before it is said not to exist.
 */
@Injectable()
export class ArtifactIndexService implements OnModuleInit, OnModuleDestroy {
  readonly index = new ArtifactIndex();
  readonly #unknown: UnknownSwarms;
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly catalog: ReleaseCatalog,
    private readonly events: OriginEvents,
    private readonly post: ReplicaPost,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#unknown = new UnknownSwarms({
      look: () => this.#load(),
      now: () => clock.monotonic(),
      pauseMs: () => (post.isUp ? HEARD_MS : UNHEARD_MS),
    });
  }

  async onModuleInit(): Promise<void> {
    const ends = [
      this.events.on('releasePublished', (release) => this.index.add(release)),
      this.events.on('artifactRemoved', (artifact) => this.index.remove(artifact)),
    ];
    this.#unsubscribe = () => ends.forEach((end) => end());
    await this.#load();
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** @param infoHash 20 bytes, as in `ArtifactIndex.findBytes`. Answers at once for what is known. */
  lookup(infoHash: Buffer): FoundArtifact | null | Promise<FoundArtifact | null> {
    const found = this.index.findBytes(infoHash);
    return found || this.post.isLonely ? found : this.#lookup(infoHash.toString('hex'));
  }

  /** What others published meanwhile, unless there was a look lately. */
  async refresh(): Promise<void> {
    if (!this.post.isLonely) await this.#unknown.look();
  }

  /** @throws ARTIFACT_NOT_FOUND */
  async get(artifact: string): Promise<Release> {
    const release = this.index.get(artifact) ?? (await this.#find(artifact));
    if (release) return release;
    throw new FleetseedError('ARTIFACT_NOT_FOUND', `There is no artifact ${artifact}.`, {
      artifact,
    });
  }

  /** Whoever asks by artifact has a token, and the catalog bounds what looking costs. */
  async #find(artifact: string): Promise<Release | null> {
    if (this.post.isLonely) return null;
    for (const release of await this.catalog.ofArtifact(artifact)) this.index.add(release);
    return this.index.get(artifact);
  }

  async #lookup(infoHash: string): Promise<FoundArtifact | null> {
    return (await this.#unknown.lookFor(infoHash)) ? this.index.find(infoHash) : null;
  }

  async #load(): Promise<void> {
    const before = this.index.all().map(({ artifact }) => artifact);
    const there = new Set<string>();
    for await (const release of this.catalog.all()) {
      there.add(release.artifact);
      this.index.add(release);
    }
    for (const artifact of before) if (!there.has(artifact)) this.index.remove(artifact);
  }
}
