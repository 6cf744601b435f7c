/** Enough for two spans, so that one is read while the other is sent. */
const FIRST = 2 * 1024 * 1024;
const LEAST = 64 * 1024;
const MOST = 8 * 1024 * 1024;
/** What is taken within this time makes room for more, milliseconds. */
const QUICK_MS = 100;

/**
 * How much may be on its way to one peer: read, or handed to its socket and not taken by the system.
 * Who takes it quickly gets more ahead; who lets it lie gets small pieces, one at a time, because what
 * waits for it is memory that others could use.
 */
export class SendWindow {
  #size = FIRST;
  #outstanding = 0;

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
    if (ms < QUICK_MS) this.#size = Math.min(MOST, this.#size + bytes);
  }

  /** The peer takes nothing, or next to nothing. */
  clogged(): void {
    this.#size = LEAST;
  }
}
