import { Inject, Injectable } from '@nestjs/common';

import { TokenDocument } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';

const PREFIX = 'tokens/';
const CACHE_MS = 3000;
/** One that is asked for is read again so long before it is forgotten: who comes all the time never waits. */
const AHEAD_MS = 1500;
const MAX_CACHED = 10_000;
const ID = /^[0-9a-f]{16}$/;

interface Cached {
  readonly document: TokenDocument | null;
  readonly until: number;
}

/**
 * `tokens/<id>.json`. Reads come from a small cache, so a token that another replica revoked, and
 * that it could not tell us of, works for up to three seconds more; one revoked here ends at once.
 */
@Injectable()
export class TokenStore {
  readonly #documents: DocumentStore<TokenDocument>;
  readonly #cache = new Map<string, Cached>();
  /** By id; whoever asks meanwhile waits for the same. */
  readonly #reading = new Map<string, Promise<TokenDocument | null>>();
  readonly #listeners = new Set<(id: string) => void>();
  /** Grows with each change: what was read before one is not remembered after it. */
  #changes = 0;

  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#documents = new DocumentStore(depot, TokenDocument, 1, { clock });
  }

  /** Tells of tokens that this process made, changed or revoked. @returns what ends it */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Another process has changed the token: what is cached of it is old. */
  forget(id: string): void {
    this.#changed(id);
    this.#cache.delete(id);
  }

  /** What is cached of a token right now; undefined when the depot would have to be asked. */
  cached(id: string): TokenDocument | null | undefined {
    const cached = this.#cache.get(id);
    const left = cached ? cached.until - this.clock.monotonic() : 0;
    // What goes wrong is told to who has to wait for it.
    if (left > 0 && left < AHEAD_MS) this.#read(id).catch(() => undefined);
    return left > 0 ? cached!.document : undefined;
  }

  /** @returns null for a token that does not exist (any more) */
  async find(id: string): Promise<TokenDocument | null> {
    if (!ID.test(id)) return null;
    const cached = this.cached(id);
    return cached === undefined ? this.#read(id) : cached;
  }

  #read(id: string): Promise<TokenDocument | null> {
    const known = this.#reading.get(id);
    if (known) return known;
    const reading = this.#readNow(id).finally(() => {
      if (this.#reading.get(id) === reading) this.#reading.delete(id);
    });
    this.#reading.set(id, reading);
    return reading;
  }

  async #readNow(id: string): Promise<TokenDocument | null> {
    const changes = this.#changes;
    const document = (await this.#documents.read(keyOf(id)))?.value ?? null;
    if (changes === this.#changes) this.#remember(id, document);
    return document;
  }

  async create(document: TokenDocument): Promise<void> {
    await this.#documents.create(keyOf(document.token), document);
    this.#changed(document.token);
    this.#remember(document.token, document);
    this.#tell(document.token);
  }

  /** See `DocumentStore.update`. */
  async update(
    id: string,
    change: (current: TokenDocument | null) => TokenDocument | null,
  ): Promise<TokenDocument | null> {
    if (!ID.test(id)) return null;
    try {
      return await this.#documents.update(keyOf(id), change);
    } finally {
      this.forget(id);
      this.#tell(id);
    }
  }

  async delete(id: string): Promise<void> {
    if (ID.test(id)) await this.#documents.delete(keyOf(id));
    this.#changed(id);
    this.#remember(id, null);
    this.#tell(id);
  }

  /** In the order of their ids, `limit` of them after the id `after`. */
  async page(after: string | undefined, limit: number): Promise<{ ids: string[]; more: boolean }> {
    const start = after !== undefined && ID.test(after) ? { after: keyOf(after) } : {};
    const { keys, next } = await this.depot.list(PREFIX, { limit, ...start });
    return {
      ids: keys.map((key) => key.slice(PREFIX.length, -'.json'.length)),
      more: next !== null,
    };
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  /** What was being read may be old: who comes now reads anew. */
  #changed(id: string): void {
    this.#changes++;
    this.#reading.delete(id);
  }

  #remember(id: string, document: TokenDocument | null): void {
    // Wrong ids could fill the memory: a full cache starts anew.
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(id, { document, until: this.clock.monotonic() + CACHE_MS });
  }
}

function keyOf(id: string): string {
  return `${PREFIX}${id}.json`;
}
