import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { DocumentStore, type Depot, type Versioned } from '#lib/depot';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';

const KEY = 'collection/window.json';
const ASK_EVERY_MS = 100;

/** How long a window may be open. */
export const WINDOW_MS = 10_000;
/** A store in a folder does at once what it is asked. */
const LEAST_GRACE_MS = 2 * WINDOW_MS;
/** Tries of a request to S3 go on for twice its time-out, and the last one may take another. */
const S3_TIMEOUTS = 4;

const WindowDocument = z.looseObject({
  v: z.literal(1),
  /** Grows with each window. */
  number: z.number().int(),
  open: z.boolean(),
  /** The collection under way, or the last one. */
  collection: z.string(),
});
type WindowDocument = z.infer<typeof WindowDocument>;

/** What a collector holds while it may delete. */
export interface OpenWindow {
  /** Whether it may still delete: its time is not over and nobody has closed it. */
  mayDelete(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Keeps those who delete and those who begin to rely on content out of each other's way, with
 * nothing but one document:
 *
 * - A collector opens a window, *then* looks again at uploads and new releases, and deletes only
 *   what those do not name, and only while the window is open.
 * - An upload writes its record, *then* waits until no window is open, and looks again at what it
 *   was told is there if one was open meanwhile.
 *
 * Whichever comes first, one of them sees the other. Windows last some seconds; one whose collector
 * died is closed by whoever waits for it, once no request of that one can still be on its way.
 */
@Injectable()
export class CollectionWindow {
  readonly #documents: DocumentStore<WindowDocument>;

  /** After so long the collector of a window is dead, and what it was deleting is deleted, ms. */
  readonly #deadAfterMs: number;

  constructor(
    @Inject(DEPOT) depot: Depot,
    @Inject(ORIGIN_CONFIG) config: Pick<OriginConfig, 's3Bucket' | 's3TimeoutSeconds'>,
  ) {
    this.#documents = new DocumentStore(depot, WindowDocument, 1);
    const s3Ms = config.s3Bucket === undefined ? 0 : S3_TIMEOUTS * config.s3TimeoutSeconds * 1000;
    this.#deadAfterMs = WINDOW_MS + Math.max(LEAST_GRACE_MS, s3Ms);
  }

  /** Resolves when no window is open, with the number of the last one. */
  async settled(signal?: AbortSignal): Promise<number> {
    let seen = -1;
    let since = performance.now();
    for (;;) {
      const found = await this.#documents.read(KEY);
      if (!found?.value.open) return found?.value.number ?? 0;
      if (found.value.number !== seen) since = performance.now();
      seen = found.value.number;
      if (performance.now() - since > this.#deadAfterMs) await this.#shut(found);
      else await sleep(ASK_EVERY_MS, undefined, signal ? { signal } : {});
    }
  }

  /** Makes this the collection under way; an earlier one can open no window any more. */
  async begin(): Promise<string> {
    const collection = randomUUID();
    await this.settled();
    await this.#documents.update(KEY, (current) => ({
      ...(current ?? { v: 1 as const, number: 0 }),
      open: false,
      collection,
    }));
    return collection;
  }

  /** @throws PRECONDITION_FAILED when another collection has begun since */
  async assertUnderWay(collection: string): Promise<void> {
    const found = await this.#documents.read(KEY);
    if (found?.value.collection !== collection) throw superseded();
  }

  /** @throws PRECONDITION_FAILED when another collection has begun */
  async open(collection: string): Promise<OpenWindow> {
    const found = await this.#documents.read(KEY);
    if (!found || found.value.collection !== collection || found.value.open) throw superseded();
    const opened = { ...found.value, number: found.value.number + 1, open: true };
    const version = await this.#documents.replace(KEY, opened, found.version);
    if (!version) throw superseded();
    const end = performance.now() + WINDOW_MS;
    return {
      mayDelete: async () => {
        if (performance.now() > end) return false;
        const now = await this.#documents.read(KEY);
        return now?.value.number === opened.number && now.value.open && performance.now() < end;
      },
      close: async () => this.#shut({ value: opened, version }),
    };
  }

  async #shut({ value, version }: Versioned<WindowDocument>): Promise<void> {
    await this.#documents.replace(KEY, { ...value, open: false }, version);
  }
}

function superseded(): FleetseedError {
  return new FleetseedError('PRECONDITION_FAILED', 'Another collection is under way.');
}
