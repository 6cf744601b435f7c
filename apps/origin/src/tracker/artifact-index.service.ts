import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type Release } from '#lib/contracts';

import { OriginEvents } from '../events/origin-events.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { ArtifactIndex } from './artifact.index.js';

/** Keeps the index complete: everything of the depot at start, then what is published. */
@Injectable()
export class ArtifactIndexService implements OnModuleInit, OnModuleDestroy {
  readonly index = new ArtifactIndex();
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly catalog: ReleaseCatalog,
    private readonly events: OriginEvents,
  ) {}

  async onModuleInit(): Promise<void> {
    const ends = [
      this.events.on('releasePublished', (release) => this.index.add(release)),
      this.events.on('artifactRemoved', (artifact) => this.index.remove(artifact)),
    ];
    this.#unsubscribe = () => ends.forEach((end) => end());
    for await (const release of this.catalog.all()) this.index.add(release);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** @throws ARTIFACT_NOT_FOUND */
  get(artifact: string): Release {
    const release = this.index.get(artifact);
    if (release) return release;
    throw new FleetseedError('ARTIFACT_NOT_FOUND', `There is no artifact ${artifact}.`, {
      artifact,
    });
  }
}
