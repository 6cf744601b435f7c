import { Inject, Injectable } from '@nestjs/common';

import type { ChannelState, Release } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { LOGGER } from '../config/start-context.js';

/** What happens inside this process that other features act on. */
export interface OriginEventMap {
  /** A release document was created; its artifact can be served. */
  releasePublished: Release;
  /** A channel got a new entry. */
  channelMoved: ChannelState;
  /** No release needs the artifact (v2 info-hash, hex) any more, and it is gone from the depot. */
  artifactRemoved: string;
  /** Somebody was given a ticket and is about to come for the artifact (v2 info-hash, hex). */
  artifactWanted: string;
}

type Listener<T> = (event: T) => void;

/**
 * The typed bus between features. Listeners run at once and in order; one that throws is logged and
 * does not disturb the others or the emitter. Events are hints: the depot has the truth.
 */
@Injectable()
export class OriginEvents {
  readonly #listeners: { [K in keyof OriginEventMap]: Set<Listener<OriginEventMap[K]>> } = {
    releasePublished: new Set(),
    channelMoved: new Set(),
    artifactRemoved: new Set(),
    artifactWanted: new Set(),
  };

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  /** @returns a function that ends the subscription. */
  on<K extends keyof OriginEventMap>(name: K, listener: Listener<OriginEventMap[K]>): () => void {
    this.#listeners[name].add(listener);
    return () => this.#listeners[name].delete(listener);
  }

  emit<K extends keyof OriginEventMap>(name: K, event: OriginEventMap[K]): void {
    for (const listener of this.#listeners[name]) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error('event listener failed', { event: name, error });
      }
    }
  }
}
