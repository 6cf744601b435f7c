import { FleetseedError } from '#lib/contracts';

import { Bitfield } from '../bitfield.js';
import { InFlight } from './in-flight.js';
import { checkPayloadRange, type PayloadStore } from './payload-store.js';

/** How exactly the store knows what was written, bytes. */
const GRAIN = 16_384;

/** A payload in memory, for tests, simulation, and artifacts that are only passed on. */
export class MemoryStore implements PayloadStore {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #written: Bitfield;
  readonly #inFlight = new InFlight('store');

  /** @param payload its length, for an empty store, or the bytes of a complete one, which it keeps. */
  constructor(payload: number | Buffer) {
    this.#bytes = typeof payload === 'number' ? Buffer.alloc(payload) : payload;
    this.length = this.#bytes.length;
    const grains = Math.ceil(this.length / GRAIN);
    this.#written = typeof payload === 'number' ? new Bitfield(grains) : Bitfield.full(grains);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#inFlight.run(async () => {
      checkPayloadRange(this.length, offset, target.length);
      const first = Math.floor(offset / GRAIN);
      const last = Math.ceil((offset + target.length) / GRAIN);
      if (!this.#written.hasRange(first, last - first)) {
        const text = `Payload ${offset}+${target.length} was not written yet.`;
        throw new FleetseedError('PIECE_UNAVAILABLE', text, { offset, length: target.length });
      }
      target.set(this.#bytes.subarray(offset, offset + target.length));
    });
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#inFlight.run(async () => {
      checkPayloadRange(this.length, offset, source.length);
      this.#bytes.set(source, offset);
      const first = Math.floor(offset / GRAIN);
      this.#written.setRange(first, Math.ceil((offset + source.length) / GRAIN) - first);
    });
  }

  async sync(): Promise<void> {
    await this.#inFlight.run(async () => {});
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
  }
}
