import type { PayloadStore } from '../disk/payload-store.js';

/**
 * A store that can be exchanged under a running torrent: what was put together under one name is
 * served on from where it was installed, and peers notice nothing.
 */
export class HandoverStore implements PayloadStore {
  constructor(private store: PayloadStore) {}

  get length(): number {
    return this.store.length;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.store.read(offset, target);
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.store.write(offset, source);
  }

  sync(): Promise<void> {
    return this.store.sync();
  }

  /** Calls from now on go to `next`; resolves when the store before is closed, its last reads done. */
  async handOver(next: PayloadStore): Promise<void> {
    const before = this.store;
    this.store = next;
    await before.close();
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
