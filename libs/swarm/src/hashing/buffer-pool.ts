import { sharedIoBytes } from '#lib/runtime';

/** Smallest and largest size class, bytes. Classes are powers of two. */
const SMALLEST = 16 * 1024;
export const LARGEST_SPAN_BUFFER = 1024 * 1024;

type SharedBytes = Uint8Array<SharedArrayBuffer>;

/** Room in shared memory that one owner holds until `release`. */
export interface SpanBuffer {
  /** What was asked for, bytes. */
  readonly length: number;
  /** Exactly that long. There is no memory behind it before it is looked at for the first time. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Gives the memory back; the bytes must not be touched after. A second call does nothing. */
  release(): void;
}

interface Waiter {
  readonly length: number;
  readonly ready: (buffer: SpanBuffer) => void;
}

/**
 * The memory budget of all receiving and sending. Buffers come in size classes and are used again,
 * because shared memory is costly to make. What is handed out is never more than the budget, nor is the
 * memory behind it together with what is kept for later.
 *
 * Who asks a peer for a span needs room for it at once and memory only when it comes: so little memory
 * goes round quickly, and is still in the processor's cache when it is used again.
 */
export class BufferPool {
  readonly #free = new Map<number, SharedBytes[]>();
  readonly #waiters = new Set<Waiter>();
  readonly #memory = {
    take: (size: number) => this.#takeMemory(size),
    giveBack: (size: number, memory: SharedBytes | null) => this.#giveBack(size, memory),
  };
  #used = 0;
  /** Of what is used, that which has memory. */
  #real = 0;
  #kept = 0;
  #lent = 0;

  /** @param budget bytes, at least one of the largest buffers. */
  constructor(readonly budget: number) {
    if (!(budget >= LARGEST_SPAN_BUFFER)) {
      throw new RangeError(`A budget of ${budget} bytes has no room for one span.`);
    }
  }

  /** Bytes handed out, counted by size class. */
  get used(): number {
    return this.#used;
  }

  /** How many buffers were handed out since the start. */
  get lent(): number {
    return this.#lent;
  }

  /**
   * A buffer of `length` bytes (1 to 1 MiB), or null when the budget is used up or others wait
   * already. Its content is what was left in it.
   */
  acquire(length: number): SpanBuffer | null {
    const size = sizeClass(length);
    return this.#waiters.size > 0 ? null : this.#take(length, size);
  }

  /**
   * Calls `ready` once with a buffer: at once when there is room, else in order of asking as buffers
   * are released. @returns a function that withdraws the wish; it does nothing once served.
   */
  whenFree(length: number, ready: (buffer: SpanBuffer) => void): () => void {
    const buffer = this.acquire(length);
    if (buffer) {
      ready(buffer);
      return () => {};
    }
    const waiter = { length, ready };
    this.#waiters.add(waiter);
    return () => {
      // The one that left may have stood before others that there is room for.
      if (this.#waiters.delete(waiter)) this.#serve();
    };
  }

  /** Like {@link whenFree}, as a promise. @throws the reason of the signal. */
  async obtain(length: number, signal?: AbortSignal): Promise<SpanBuffer> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const abort = () => {
        withdraw();
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- The signal's own reason.
        reject(signal!.reason);
      };
      const withdraw = this.whenFree(length, (buffer) => {
        signal?.removeEventListener('abort', abort);
        resolve(buffer);
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Lets go of memory that is kept for later; to be called when nothing has moved for a while. */
  trim(): void {
    this.#free.clear();
    this.#kept = 0;
  }

  #take(length: number, size: number): SpanBuffer | null {
    if (this.#used + size > this.budget) return null;
    this.#used += size;
    this.#lent++;
    return new Loan(this.#memory, length, size);
  }

  #takeMemory(size: number): SharedBytes {
    const memory = this.#free.get(size)?.pop();
    if (memory) this.#kept -= size;
    // Buffers of other classes give way: together with them the budget would be exceeded.
    else if (this.#real + this.#kept + size > this.budget) this.trim();
    this.#real += size;
    return memory ?? sharedIoBytes(size);
  }

  #giveBack(size: number, memory: SharedBytes | null): void {
    this.#used -= size;
    if (memory) {
      this.#real -= size;
      this.#kept += size;
      const free = this.#free.get(size);
      if (free) free.push(memory);
      else this.#free.set(size, [memory]);
    }
    this.#serve();
  }

  /** First come, first served: a small wish does not overtake a large one, which would starve. */
  #serve(): void {
    for (const waiter of this.#waiters) {
      const buffer = this.#take(waiter.length, sizeClass(waiter.length));
      if (!buffer) return;
      this.#waiters.delete(waiter);
      waiter.ready(buffer);
    }
  }
}

/** Where loans have their memory from. */
interface Lender {
  take(size: number): SharedBytes;
  giveBack(size: number, memory: SharedBytes | null): void;
}

class Loan implements SpanBuffer {
  #memory: SharedBytes | null = null;
  #bytes: SharedBytes | null = null;
  #released = false;

  constructor(
    private readonly lender: Lender,
    readonly length: number,
    private readonly size: number,
  ) {}

  get bytes(): Uint8Array<SharedArrayBuffer> {
    if (this.#released) throw new Error('A buffer was used after it was released.');
    return (this.#bytes ??= (this.#memory = this.lender.take(this.size)).subarray(0, this.length));
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.lender.giveBack(this.size, this.#memory);
    this.#memory = null;
    this.#bytes = null;
  }
}

function sizeClass(length: number): number {
  if (!(length >= 1 && length <= LARGEST_SPAN_BUFFER)) {
    throw new RangeError(`A span buffer has 1 to ${LARGEST_SPAN_BUFFER} bytes, not ${length}.`);
  }
  let size = SMALLEST;
  while (size < length) size *= 2;
  return size;
}
