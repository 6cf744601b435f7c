import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { Injectable } from '@nestjs/common';

import {
  BlobStore,
  MAX_PACK_BYTES,
  MAX_PACK_FILES,
  PACKED_BELOW,
  type BlobFile,
  type Place,
} from '#lib/depot';
import { fileRoot, LeafHasher, leafHashesOf } from '#lib/torrent';

import { CollectionRecords } from '../collection/collection.records.js';
import { unlikeCondemned } from '../collection/pack-order.js';
import type { FetchedFile } from './swarm-fetch.js';

/** Puts files back into the depot, each proven by its root once more. */
@Injectable()
export class RestoredContent {
  constructor(
    private readonly blobs: BlobStore,
    private readonly collections: CollectionRecords,
  ) {}

  /** @returns where each that is right is now, by root */
  async put(files: readonly FetchedFile[]): Promise<Map<string, Place>> {
    const places = new Map<string, Place>();
    let small: FetchedFile[] = [];
    let bytes = 0;
    for (const each of files) {
      const { length } = each.file;
      if (length >= PACKED_BELOW) {
        await this.#putBlob(each, places);
        continue;
      }
      if (bytes + length > MAX_PACK_BYTES || small.length === MAX_PACK_FILES) {
        await this.#putPack(small, places);
        [small, bytes] = [[], 0];
      }
      small.push(each);
      bytes += length;
    }
    if (small.length > 0) await this.#putPack(small, places);
    return places;
  }

  async #putBlob({ file, path }: FetchedFile, places: Map<string, Place>): Promise<void> {
    const { root, length } = file;
    const hasher = new LeafHasher();
    for await (const chunk of createReadStream(path)) hasher.update(chunk as Buffer);
    const leaves = hasher.finish();
    if (hasher.length !== length || fileRoot(leaves, length)?.toString('hex') !== root) return;
    const chunks = createReadStream(path) as AsyncIterable<Buffer>;
    places.set(root, await this.blobs.putBlob({ root, length, leaves }, { chunks }));
  }

  async #putPack(files: readonly FetchedFile[], places: Map<string, Place>): Promise<void> {
    const good: (BlobFile & { readonly bytes: Buffer })[] = [];
    for (const { file, path } of files) {
      const { root, length } = file;
      const bytes = await readFile(path);
      const leaves = leafHashesOf(bytes);
      const isRight = bytes.length === length && fileRoot(leaves, length)?.toString('hex') === root;
      if (isRight) good.push({ root, length, leaves, bytes });
    }
    const ordered = unlikeCondemned(good, await this.collections.condemned());
    if (!ordered) return;
    const chunks = ordered.map(({ bytes }) => bytes);
    const put = await this.blobs.putPack(ordered, { chunks });
    ordered.forEach(({ root }, index) => places.set(root, put[index]!));
  }
}
