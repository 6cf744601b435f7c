import { FleetseedError } from '#lib/contracts';
import { sideBySide } from '#lib/runtime';

import type { Depot } from '../depot.js';
import { bringContent, dropContent, type ContentSource } from './content-source.js';
import { blobKey, LEAF_BYTES, leavesKey, leavesLength, packIndexKey, packKey } from './layout.js';
import { assertLeaves, PackIndex, type PackEntry } from './pack-index.js';
import type { Place } from './places.js';

/** Verified content of a file, and what it is called by. */
export type BlobFile = PackEntry;

const LOOK_UPS_AT_ONCE = 32;
const CACHED_PACK_INDEXES = 32;

/**
 * File content, stored once under its BEP 52 root. Callers have verified it: nothing unverified
 * enters here. Large files are blobs of their own and found by root across everything; files under
 * 1 MiB lie in packs and are found through the places documents of the artifacts that have them.
 *
 * Content comes first and `.leaves` (for packs `.index`) last, so an interruption leaves at worst
 * content that counts as absent. All puts may be repeated.
 */
export class BlobStore {
  readonly #packIndexes = new Map<string, Promise<PackIndex>>();

  constructor(private readonly depot: Depot) {}

  /** Which of these roots are there as blobs of their own. */
  async findBlobs(roots: Iterable<string>): Promise<Set<string>> {
    const found = new Set<string>();
    await sideBySide(new Set(roots), LOOK_UPS_AT_ONCE, async (root) => {
      if (await this.depot.statObject(leavesKey(root))) found.add(root);
    });
    return found;
  }

  /** Where the blob of `root` is, or null if there is none. */
  async locateBlob(root: string): Promise<Place | null> {
    const object = blobKey(root);
    if (!(await this.depot.statObject(leavesKey(root)))) return null;
    const content = await this.depot.statObject(object);
    if (!content) throw integrity('A blob has leaves but no content.', object);
    return { object, offset: 0, length: content.length };
  }

  /**
   * Stores a file as a blob. If it is there already, `source` is dropped.
   * @throws DEPOT_INTEGRITY if leaves, declared and real length do not agree; nothing is visible then.
   */
  async putBlob(file: BlobFile, source: ContentSource): Promise<Place> {
    const object = blobKey(file.root);
    assertLeaves(file.root, file.length, file.leaves);
    if (await this.locateBlob(file.root)) await dropContent(this.depot, source);
    else {
      await bringContent(this.depot, source, object, file.length);
      await this.depot.putObject(leavesKey(file.root), [file.leaves]);
    }
    return { object, offset: 0, length: file.length };
  }

  /**
   * Stores files, which `source` yields one after the other, as one pack.
   * @returns the place of each, in their order.
   */
  async putPack(files: readonly BlobFile[], source: ContentSource): Promise<Place[]> {
    const index = PackIndex.of(files);
    const object = packKey(index.id);
    if (await this.depot.statObject(packIndexKey(index.id))) await dropContent(this.depot, source);
    else {
      await bringContent(this.depot, source, object, index.packLength);
      await this.depot.putObject(packIndexKey(index.id), [index.encode()]);
    }
    return files.map((file) => {
      const { offset, length } = index.get(file.root)!;
      return { object, offset, length };
    });
  }

  /**
   * The leaf hashes of a file, 32 bytes each; all, or `count` from number `first`.
   * @throws RANGE_NOT_SATISFIABLE; DEPOT_INTEGRITY if the place does not hold this file.
   */
  async readLeaves(
    root: string,
    place: Place,
    range?: { readonly first: number; readonly count: number },
  ): Promise<Buffer> {
    const { first, count } = range ?? { first: 0, count: leavesLength(place.length) / LEAF_BYTES };
    const bytes = { offset: first * LEAF_BYTES, length: count * LEAF_BYTES };
    if (place.object === blobKey(root)) return this.depot.readObject(leavesKey(root), bytes);
    const leaves = (await this.#packIndex(place.object)).leaves(root);
    if (!leaves) throw integrity('A pack does not hold the file of a place.', place.object);
    if (first < 0 || count < 0 || bytes.offset + bytes.length > leaves.length) {
      throw new FleetseedError('RANGE_NOT_SATISFIABLE', 'The file has not so many leaves.', {
        root,
        first,
        count,
      });
    }
    return leaves.subarray(bytes.offset, bytes.offset + bytes.length);
  }

  /** Removes a blob: first what makes it exist. For collection. */
  async deleteBlob(root: string): Promise<void> {
    await this.depot.delete(leavesKey(root));
    await this.depot.delete(blobKey(root));
  }

  /** Removes the pack that is `object`: first what makes it exist. For collection. */
  async deletePack(object: string): Promise<void> {
    this.#packIndexes.delete(object);
    await this.depot.delete(`${object}.index`);
    await this.depot.delete(object);
  }

  async #packIndex(object: string): Promise<PackIndex> {
    const cached = this.#packIndexes.get(object);
    if (cached) return cached;
    const read = this.depot.readObject(`${object}.index`).then((bytes) => PackIndex.decode(bytes));
    this.#packIndexes.set(object, read);
    if (this.#packIndexes.size > CACHED_PACK_INDEXES) {
      const oldest = this.#packIndexes.keys().next();
      if (!oldest.done) this.#packIndexes.delete(oldest.value);
    }
    try {
      return await read;
    } catch (error) {
      this.#packIndexes.delete(object);
      throw error;
    }
  }
}

function integrity(message: string, key: string): FleetseedError {
  return new FleetseedError('DEPOT_INTEGRITY', message, { key });
}
