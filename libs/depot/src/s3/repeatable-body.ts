import { Readable } from 'node:stream';

import { Unrecoverable } from '#lib/runtime';

import type { ChunkSource } from './chunk-source.js';
import type { MemoryBudget } from './memory-budget.js';
import type { S3Try } from './s3-door.js';
import { unavailable } from './s3-errors.js';

const STREAM_STEP = 256 * 1024;

/**
 * A body that goes straight from its producer to the store, and, if there was memory to keep it, can
 * be sent again. Without, a try that fails after the first byte is the last: the producer is asked
 * to send everything again.
 */
export class RepeatableBody {
  readonly #keeps: boolean;
  readonly #kept: (Buffer | null)[] = [];
  #ended = false;
  #dropped = false;
  #sentWhole = false;
  #pulling: Promise<void> | null = null;

  constructor(
    private readonly key: string,
    private readonly source: ChunkSource,
    readonly length: number,
    private readonly memory: MemoryBudget,
  ) {
    this.#keeps = memory.take(length);
  }

  /** Whether a store that was sent this may have all of it, whatever it answered. */
  get wasSentWhole(): boolean {
    return this.#sentWhole;
  }

  /**
   * The body for one try. The stream never fails: the try is aborted instead, since those who read
   * such streams do not all listen.
   * @throws DEPOT_UNAVAILABLE when it has been sent, in part, and is not there any more
   */
  open(attempt: S3Try): Readable {
    if (this.#dropped) throw new Unrecoverable(unavailable(this.key, new Error('broken off')));
    let next = 0;
    const push = async (stream: Readable) => {
      const chunk = await this.#at(next++, attempt);
      if (attempt.signal.aborted) return;
      if (chunk === null) this.#sentWhole = true;
      stream.push(chunk);
    };
    const stream = new Readable({
      highWaterMark: STREAM_STEP,
      read() {
        // The producer has failed: no other try would do better.
        push(this).catch((error: unknown) => attempt.abort(new Unrecoverable(error)));
      },
    });
    return stream;
  }

  /** What the producer threw, if it did: that, and not the end of the try, is what happened. */
  get failure(): { readonly error: unknown } | null {
    return this.source.failure;
  }

  async close(): Promise<void> {
    if (this.#keeps) this.memory.give(this.length);
    await this.source.close();
  }

  async #at(index: number, attempt: S3Try): Promise<Buffer | null> {
    while (index >= this.#kept.length && !this.#ended) {
      attempt.watch.pause();
      await (this.#pulling ??= this.#pull());
      attempt.watch.restart();
    }
    const chunk = this.#kept[index] ?? null;
    if (chunk && !this.#keeps) {
      this.#kept[index] = null;
      this.#dropped = true;
    }
    return chunk;
  }

  /** One at a time, also when a try was given up while it ran: the next one goes on from there. */
  async #pull(): Promise<void> {
    try {
      const chunk = await this.source.next();
      if (chunk) this.#kept.push(chunk);
      else this.#ended = true;
    } finally {
      this.#pulling = null;
    }
  }
}
