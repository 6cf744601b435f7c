import { FleetseedError } from '#lib/contracts';

import type { DiskStore } from '../disk/disk-store.js';
import { FileSpans } from '../disk/file-spans.js';
import type { InstalledTreeStore } from '../disk/installed-tree.store.js';
import type { PayloadStore } from '../disk/payload-store.js';

/**
 * An installed tree of which some files are being put right: those are read from and written to a
 * place beside the tree, until they are whole and take the place of the damaged ones.
 */
export class RepairingStore implements PayloadStore {
  readonly length: number;
  readonly #spans: FileSpans;
  readonly #repairing = new Set<number>();

  constructor(
    readonly installed: InstalledTreeStore,
    readonly repairs: DiskStore,
    files: readonly { readonly length: number }[],
  ) {
    this.#spans = FileSpans.of(files);
    this.length = installed.length;
  }

  /** From now on the file is read and written beside the tree. */
  beginRepair(file: number): void {
    this.#repairing.add(file);
  }

  endRepair(file: number): void {
    this.#repairing.delete(file);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    if (this.#repairing.size === 0) return this.installed.read(offset, target);
    for (const { file, at, length } of this.#spans.segments(offset, target.length)) {
      const store = this.#repairing.has(file) ? this.repairs : this.installed;
      await store.read(offset + at, target.subarray(at, at + length));
    }
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    for (const { file } of this.#spans.segments(offset, source.length)) {
      if (this.#repairing.has(file)) continue;
      throw new FleetseedError('DISK_IO', `The file ${this.installed.pathOf(file)} is whole.`);
    }
    await this.repairs.write(offset, source);
  }

  sync(): Promise<void> {
    return this.repairs.sync();
  }

  /** Closes the files that are kept open, when nothing has moved for a while; the store works on. */
  async rest(): Promise<void> {
    await Promise.all([this.installed.rest(), this.repairs.rest()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.installed.close(), this.repairs.close()]);
  }
}
