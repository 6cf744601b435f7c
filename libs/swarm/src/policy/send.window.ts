/** Enough for two spans, so that one is read while the other is sent. */
const FIRST = 2 * 1024 * 1024;
const LEAST = 256 * 1024;
const MOST = 8 * 1024 * 1024;
/**
 * What the system takes within this time makes room for more, and what it does not clogs, milliseconds. A
 * machine that is busy with something else is no slow reader.
 */
export const CLOGGED_MS = 1000;

/**
 * How much may be on its way to one peer: read, or handed to its socket and not taken by the system.
 * Who takes it quickly gets more ahead; who lets it lie gets small pieces, one at a time, because what
 * waits for it is memory that others could use.
 */
export class SendWindow {
  #size = FIRST;
  #outstanding = 0;
  #slow = false;

  /** What it was sent last was not taken in time. */
  get isSlow(): boolean {
    return this.#slow;
  }

  /** Bytes on their way. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get size(): number {
    return this.#size;
  }

  /** How much of a job of this length may be begun now, bytes; a part of it only when nothing is on its way. */
  room(length: number): number {
    if (this.#outstanding === 0) return Math.min(length, this.#size);
    return this.#outstanding + length <= this.#size ? length : 0;
  }

  began(bytes: number): void {
    this.#outstanding += bytes;
  }

  /** The bytes are gone, to the system or into the void. @param ms how long the system took for them */
  ended(bytes: number, ms: number): void {
    this.#outstanding -= bytes;
    if (ms >= CLOGGED_MS) return;
    this.#size = Math.min(MOST, this.#size + bytes);
    this.#slow = false;
  }

  /** What was sent is not taken in time. */
  clogged(): void {
    this.#size = Math.max(LEAST, this.#size / 2);
    this.#slow = true;
  }
}
