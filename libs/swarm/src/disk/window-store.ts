import { FleetseedError } from '#lib/contracts';

import type { RunWindow } from '../policy/run.window.js';
import { InFlight } from './in-flight.js';
import { checkPayloadRange, type PayloadStore } from './payload-store.js';

/**
 * The part of a payload that a window holds, in memory: a ring in which what the reader is done with
 * gives way to what comes. So an artifact of any size is passed on in the same few megabytes, and no
 * disk needs room for it.
 *
 * Other than the contract says, bytes in the window that were never written read as what was left in
 * the ring: who reads must know that a piece is verified.
 */
export class WindowStore implements PayloadStore {
  readonly #ring: Buffer;
  readonly #inFlight = new InFlight('store');

  constructor(
    readonly length: number,
    private readonly window: RunWindow,
  ) {
    // Zeros that nobody touched cost no memory: a small artifact needs no more than its size.
    this.#ring = Buffer.alloc(Math.min(window.capacity, length));
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#inFlight.run(async () => {
      this.#check(offset, target.length);
      for (let at = 0; at < target.length;) {
        const part = this.#part(offset + at, target.length - at);
        target.set(part, at);
        at += part.length;
      }
    });
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#inFlight.run(async () => {
      this.#check(offset, source.length);
      for (let at = 0; at < source.length;) {
        const part = this.#part(offset + at, source.length - at);
        part.set(source.subarray(at, at + part.length));
        at += part.length;
      }
    });
  }

  /**
   * Payload from `offset`, uncopied, as far as it lies in one piece of memory and `length` goes. It is
   * as it is until the window moves on.
   */
  view(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.#part(offset, length);
  }

  async sync(): Promise<void> {
    await this.#inFlight.run(async () => {});
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
  }

  #part(offset: number, length: number): Buffer {
    const at = offset % this.#ring.length;
    return this.#ring.subarray(at, Math.min(this.#ring.length, at + length));
  }

  #check(offset: number, length: number): void {
    checkPayloadRange(this.length, offset, length);
    const { base, capacity } = this.window;
    if (offset >= base && offset + length <= base + capacity) return;
    const text = `Payload ${offset}+${length} is not held (any more).`;
    throw new FleetseedError('PIECE_UNAVAILABLE', text, { offset, length });
  }
}
