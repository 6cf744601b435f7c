import { FleetseedError } from '#lib/contracts';

/** The bytes of something that is being received, taken in large portions. */
export interface BodySource {
  /**
   * Fills `into` with the next bytes; one call at a time. Nothing is read ahead of calls but what is
   * on its way already, so a reader that waits holds the sender back.
   * @returns how many bytes there are; fewer than asked for only when that was the end
   * @throws ABORTED when the sender went away, and whatever the source fails with
   */
  fill(into: Uint8Array): Promise<number>;
}

/** A sender that goes away is told from faults of our own. */
export function senderGone(cause: unknown): FleetseedError {
  return new FleetseedError('ABORTED', 'The sender went away.', {}, { cause });
}

const SKIPPED_AT_ONCE = 64 * 1024;

/** A body that comes in chunks. */
export class ChunkBody implements BodySource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async fill(into: Uint8Array): Promise<number> {
    for (let filled = 0; filled < into.length;) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) return filled;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return into.length;
  }

  /** Passes over the next bytes. */
  async skip(length: number): Promise<void> {
    const scratch = new Uint8Array(Math.min(length, SKIPPED_AT_ONCE));
    for (let left = length; left > 0;) {
      const wanted = scratch.subarray(0, left);
      const count = await this.fill(wanted);
      if (count < wanted.length) return;
      left -= count;
    }
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** A body whose length is known: a shorter or longer one ends with the error that `wrong` makes. */
export class ExactBody implements BodySource {
  #received = 0;

  constructor(
    private readonly body: BodySource,
    private readonly length: number,
    private readonly wrong: (received: number) => Error,
  ) {}

  async fill(into: Uint8Array): Promise<number> {
    const count = await this.body.fill(into);
    this.#received += count;
    if (this.#received >= this.length) {
      // The last bytes are good only if nothing follows them.
      const beyond = await this.body.fill(new Uint8Array(1));
      this.#received += beyond;
    }
    const isShort = count < into.length && this.#received < this.length;
    if (isShort || this.#received > this.length) throw this.wrong(this.#received);
    return count;
  }
}

/** A body of at most `limit` bytes; one that has more ends with the error that `tooLong` makes. */
export class BoundedBody implements BodySource {
  #received = 0;

  constructor(
    private readonly body: BodySource,
    private readonly limit: number,
    private readonly tooLong: () => Error,
  ) {}

  async fill(into: Uint8Array): Promise<number> {
    const count = await this.body.fill(into);
    this.#received += count;
    if (this.#received > this.limit) throw this.tooLong();
    return count;
  }
}
