import { Inject, Injectable } from '@nestjs/common';

import type { ChannelState, Release } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { LOGGER } from '../config/start-context.js';

/** What happens that other features act on. */
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

type Listeners = { [K in keyof OriginEventMap]: Set<Listener<OriginEventMap[K]>> };

/**
 * The typed bus between features. Listeners run at once and in order; one that throws is logged and
 * does not disturb the others or the emitter. Events are hints: the depot has the truth.
 *
 * What happened at another replica is told by `relay`, to all but those who care for this process alone.
 */
@Injectable()
export class OriginEvents {
  readonly #listeners = noListeners();
  readonly #ownListeners = noListeners();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  /** Wherever in the fleet it happened. @returns a function that ends the subscription. */
  on<K extends keyof OriginEventMap>(name: K, listener: Listener<OriginEventMap[K]>): () => void {
    this.#listeners[name].add(listener);
    return () => this.#listeners[name].delete(listener);
  }

  /** Only what happened here, for what has to be done once. @returns what ends the subscription. */
  onOwn<K extends keyof OriginEventMap>(
    name: K,
    listener: Listener<OriginEventMap[K]>,
  ): () => void {
    this.#ownListeners[name].add(listener);
    return () => this.#ownListeners[name].delete(listener);
  }

  /** It happened here. */
  emit<K extends keyof OriginEventMap>(name: K, event: OriginEventMap[K]): void {
    this.#tell(this.#listeners, name, event);
    this.#tell(this.#ownListeners, name, event);
  }

  /** It happened at another replica. */
  relay<K extends keyof OriginEventMap>(name: K, event: OriginEventMap[K]): void {
    this.#tell(this.#listeners, name, event);
  }

  #tell<K extends keyof OriginEventMap>(
    listeners: Listeners,
    name: K,
    event: OriginEventMap[K],
  ): void {
    for (const listener of listeners[name]) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error('event listener failed', { event: name, error });
      }
    }
  }
}

function noListeners(): Listeners {
  return {
    releasePublished: new Set(),
    channelMoved: new Set(),
    artifactRemoved: new Set(),
    artifactWanted: new Set(),
  };
}
