import type { HashJobDone } from './hash-job.types.js';

export interface OrderedWanted {
  /** Whether the SHA-256 of all bytes is wanted. */
  readonly digest: boolean;
  /** SHA-1 of pieces of this length, bytes; 0 for none. */
  readonly pieceLengthV1: number;
}

export interface OrderedHashes {
  /** SHA-256 of all bytes; empty unless wanted. */
  readonly digest: Buffer;
  /** SHA-1 of each piece, 20 bytes each; empty unless wanted. */
  readonly piecesV1: Buffer;
}

interface Thread {
  run(bytes: Uint8Array, last: boolean): Promise<HashJobDone>;
  release(): void;
}

/**
 * Hashes that need the bytes in their order: one thread keeps them. It has to be ended, by `finish`
 * or by `drop`.
 */
export class OrderedHasher {
  #ended = false;

  constructor(
    readonly wanted: OrderedWanted,
    private readonly thread: Thread,
  ) {}

  /**
   * Takes the next bytes, in shared memory, which must not change before the promise settles. Calls
   * need not wait for each other.
   * @throws FleetseedError INTERNAL when the thread has ended: there will be no hashes
   */
  async update(bytes: Uint8Array<SharedArrayBuffer>): Promise<void> {
    await this.thread.run(bytes, false);
  }

  async finish(): Promise<OrderedHashes> {
    const { first, second } = await this.#end();
    return { digest: bufferOf(first), piecesV1: bufferOf(second) };
  }

  /** Nobody wants the hashes any more. Does nothing after the end. */
  drop(): void {
    if (!this.#ended) this.#end().catch(() => undefined);
  }

  async #end(): Promise<HashJobDone> {
    this.#ended = true;
    try {
      return await this.thread.run(new Uint8Array(0), true);
    } finally {
      this.thread.release();
    }
  }
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
