import { LruPolicy } from './lru.policy.js';

/** A span that arrives. */
export interface Arriving {
  readonly bytes: Promise<Buffer>;
  /** Settles when nobody needs it to stay in memory any more. */
  readonly released: Promise<unknown>;
}

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

/**
 * Spans in memory, within a bound: those that are on their way, and those that came last. Each is got once
 * for all who want it at a time; when there is no room, who comes later waits.
 */
export class SpanMemory {
  readonly #lru: LruPolicy<Promise<Buffer>>;
  readonly #coming = new Map<string, Promise<Buffer>>();
  readonly #waiting: Waiting[] = [];

  constructor(limitBytes: number) {
    this.#lru = new LruPolicy(limitBytes);
  }

  get used(): number {
    return this.#lru.used;
  }

  /** Whether a span of so many bytes would not have to wait. */
  hasRoom(bytes: number): boolean {
    return this.#waiting.length === 0 && bytes <= this.#lru.room;
  }

  has(name: string): boolean {
    return this.#coming.has(name) || this.#lru.has(name);
  }

  /** A span that came, or is on its way. */
  get(name: string): { readonly bytes: Promise<Buffer>; readonly isComing: boolean } | null {
    const coming = this.#coming.get(name);
    if (coming) return { bytes: coming, isComing: true };
    const bytes = this.#lru.get(name);
    return bytes ? { bytes, isComing: false } : null;
  }

  /** Gets a span that is not here, once there is room for `bytes`. */
  load(name: string, bytes: number, begin: () => Arriving): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#coming.set(name, promise);
    const start = () => {
      // More than all of the memory passes through it, and is not kept.
      if (bytes <= this.#lru.limit) this.#lru.admit(name, promise, bytes);
      const arriving = begin();
      arriving.bytes
        .finally(() => this.#coming.delete(name))
        .then(resolve, (error: Error) => {
          this.#lru.delete(name);
          reject(error);
          this.#next();
        });
      void Promise.allSettled([arriving.bytes, arriving.released]).then(() => {
        this.#lru.unpin(name);
        this.#next();
      });
    };
    this.#waiting.push({ bytes: Math.min(bytes, this.#lru.limit), begin: start });
    this.#next();
    return promise;
  }

  #next(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (first.bytes > this.#lru.room) return;
      this.#waiting.shift();
      first.begin();
    }
  }
}
