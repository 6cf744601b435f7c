import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { backoffDelay, systemClock, systemRandom, type Clock, type Random } from '#lib/runtime';

import type { Depot } from '../depot.js';

/** A parsed document and the version that a replacement must name. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: string;
}

export interface DocumentStoreOptions {
  readonly clock?: Clock;
  readonly random?: Random;
}

const UPDATE_ATTEMPTS = 20;

/**
 * JSON documents of one schema. The schema has the format version `v`: documents of a newer one
 * than `known` are refused, not misread. It must be loose, so that fields which a newer build of
 * the same format added survive being rewritten by this one.
 */
export class DocumentStore<T extends { readonly v: number }> {
  readonly #clock: Clock;
  readonly #random: Random;

  /** @throws INTERNAL for an object schema that would drop unknown fields. */
  constructor(
    private readonly depot: Depot,
    private readonly schema: z.ZodType<T>,
    private readonly known: number,
    options: DocumentStoreOptions = {},
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    if (schema instanceof z.ZodObject && !schema.def.catchall) {
      throw new FleetseedError('INTERNAL', 'A document schema must be a z.looseObject.');
    }
  }

  /** @throws DEPOT_FORMAT_NEWER, DEPOT_CORRUPT */
  async read(key: string): Promise<Versioned<T> | null> {
    const stored = await this.depot.readDocument(key);
    return stored && { value: this.parse(key, stored.bytes), version: stored.version };
  }

  /** @returns false if the key was taken. */
  async create(key: string, value: T): Promise<boolean> {
    return this.depot.createDocument(key, bytesOf(value));
  }

  /** @returns the new version, or null if the document has moved on. */
  async replace(key: string, value: T, expectedVersion: string): Promise<string | null> {
    return this.depot.replaceDocument(key, bytesOf(value), expectedVersion);
  }

  /**
   * Reads, changes and writes until nobody came between. `change` gets null for a document that is
   * not there and returns null to leave things as they are; it may be called several times.
   * @returns what is stored now, or null if `change` declined.
   * @throws PRECONDITION_FAILED after twenty lost races.
   */
  async update(key: string, change: (current: T | null) => T | null): Promise<T | null> {
    for (let attempt = 1; attempt <= UPDATE_ATTEMPTS; attempt++) {
      const current = await this.read(key);
      const next = change(current?.value ?? null);
      if (next === null) return null;
      const written = current
        ? await this.replace(key, next, current.version)
        : await this.create(key, next);
      if (written) return next;
      await this.#pause(attempt);
    }
    throw new FleetseedError('PRECONDITION_FAILED', 'A document is being changed by many.', {
      key,
    });
  }

  async delete(key: string): Promise<void> {
    await this.depot.delete(key);
  }

  /** @throws DEPOT_FORMAT_NEWER, DEPOT_CORRUPT */
  parse(key: string, bytes: Buffer): T {
    const json = jsonOf(key, bytes);
    const version = typeof json === 'object' && json && 'v' in json ? json.v : undefined;
    if (typeof version === 'number' && version > this.known) {
      throw new FleetseedError(
        'DEPOT_FORMAT_NEWER',
        `A document has format ${version}; this build knows ${this.known}.`,
        { key, found: version, known: this.known },
      );
    }
    const parsed = this.schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw new FleetseedError('DEPOT_CORRUPT', 'A document is not what it should be.', {
      key,
      reason: z.prettifyError(parsed.error),
    });
  }

  #pause(attempt: number): Promise<void> {
    const backoff = { startMs: 2, limitMs: 200, random: this.#random };
    return new Promise((resolve) => {
      this.#clock.setTimer(backoffDelay(attempt, backoff), resolve);
    });
  }
}

function bytesOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function jsonOf(key: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new FleetseedError('DEPOT_CORRUPT', 'A document is no JSON.', { key }, { cause });
  }
}
