import { FleetseedError } from '#lib/contracts';

import type { ObjectReader } from '../depot.js';
import type { ContentReads } from './content-reads.js';

interface Slot {
  readonly key: string;
  readonly reader: Promise<ObjectReader>;
  users: number;
}

/** What has objects that can be held open, such as a depot. */
export interface ReadableObjects {
  /** @throws NOT_FOUND */
  openForRead(key: string): Promise<ObjectReader>;
}

/**
 * Keeps the readers of objects open between reads, and closes those that were used longest ago
 * beyond `limit`. Reads under way are never cut, so more may be open while more are running.
 */
export class ReaderPool implements ContentReads {
  /** In order of last use. */
  readonly #slots = new Map<string, Slot>();
  #closed = false;

  constructor(
    private readonly objects: ReadableObjects,
    private readonly limit = 256,
  ) {}

  /** How many objects are open. */
  get size(): number {
    return this.#slots.size;
  }

  /** Reads exactly `length` bytes. @throws NOT_FOUND, RANGE_NOT_SATISFIABLE */
  async read(
    key: string,
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<void> {
    const slot = this.#take(key);
    try {
      const reader = await slot.reader;
      await reader.read(buffer, bufferOffset, length, position);
    } finally {
      slot.users--;
      if (this.#slots.get(key) !== slot) this.#closeUnused(slot);
      this.#trim();
    }
  }

  /** The object is about to be deleted: its reader is closed once its reads have ended; later ones open anew. */
  drop(key: string): void {
    const slot = this.#slots.get(key);
    if (!slot) return;
    this.#slots.delete(key);
    this.#closeUnused(slot);
  }

  /** Later reads fail with SHUTTING_DOWN; those under way end first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#trim();
    await Promise.allSettled([...this.#slots.values()].map((slot) => slot.reader));
  }

  #take(key: string): Slot {
    if (this.#closed) throw new FleetseedError('SHUTTING_DOWN', 'The depot is being closed.');
    let slot = this.#slots.get(key);
    if (slot) this.#slots.delete(key);
    else slot = this.#open(key);
    this.#slots.set(key, slot);
    slot.users++;
    this.#trim();
    return slot;
  }

  #open(key: string): Slot {
    const slot: Slot = { key, reader: this.objects.openForRead(key), users: 0 };
    slot.reader.catch(() => {
      if (this.#slots.get(key) === slot) this.#slots.delete(key);
    });
    return slot;
  }

  #trim(): void {
    const limit = this.#closed ? 0 : this.limit;
    if (this.#slots.size <= limit) return;
    for (const slot of this.#slots.values()) {
      if (slot.users === 0) this.#close(slot);
      if (this.#slots.size <= limit) return;
    }
  }

  #close(slot: Slot): void {
    this.#slots.delete(slot.key);
    this.#closeUnused(slot);
  }

  #closeUnused(slot: Slot): void {
    if (slot.users > 0) return;
    // A reader that cannot be closed has served its reads; there is nobody left to tell.
    slot.reader.then((reader) => reader.close()).catch(() => undefined);
  }
}
