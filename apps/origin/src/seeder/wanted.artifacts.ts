import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ArtifactWanted } from './artifact-wanted.topic.js';

/** A thousand machines that ask for one artifact are told of once, milliseconds. */
const AGAIN_MS = 5000;
const MOST_KNOWN = 10_000;

/** Tells the other replicas what somebody is about to come for, whether this one seeds or not. */
@Injectable()
export class WantedArtifacts implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #toldAt = new Map<string, number>();
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly events: OriginEvents,
    private readonly post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#unsubscribe = this.events.on('artifactWanted', (artifact) => this.#tell(artifact));
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  #tell(artifact: string): void {
    const now = this.clock.monotonic();
    if (now - (this.#toldAt.get(artifact) ?? -Infinity) < AGAIN_MS) return;
    if (this.#toldAt.size >= MOST_KNOWN) this.#toldAt.clear();
    this.#toldAt.set(artifact, now);
    this.post.tell(ArtifactWanted, { artifact });
  }
}
