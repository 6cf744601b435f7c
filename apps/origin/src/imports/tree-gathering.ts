import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { allKeys, uploadKey, type Depot } from '#lib/depot';
import { BLOCK_LENGTH, fileRoot, leafHashesOf } from '#lib/torrent';

import { DEPOT } from '../depot/depot.tokens.js';
import { ChunkBody } from '../uploads/body-source.js';
import { layerOf, nodeSpanFor, rootOfNodes } from '../uploads/part-hashes.js';
import { UploadHashing } from '../uploads/upload-hashing.js';
import { PlanObject } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import type { TreeGroup } from './tree.groups.js';
import { TreeListing } from './tree.listing.js';

/** A group whose bytes and hashes are durable: its object, and the roots of its files in their order. */
const GatheredGroup = z.object({ object: PlanObject, roots: z.array(z.string()) });
export type GatheredGroup = z.infer<typeof GatheredGroup>;

const NOTHING = Buffer.alloc(0);

/**
 * What has come of a tree, below `uploads/<id>/`: the listing it goes by, and group by group the bytes,
 * their hashes, and last of all `tree/<object>`, by which a group counts as there.
 */
@Injectable()
export class TreeGathering {
  constructor(
    private readonly uploads: UploadStore,
    private readonly hashing: UploadHashing,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  async listing(id: string): Promise<TreeListing | null> {
    return this.#read(uploadKey(id, 'listing'), TreeListing);
  }

  async writeListing(id: string, listing: TreeListing): Promise<void> {
    await this.#write(uploadKey(id, 'listing'), listing);
  }

  /** By the names of their objects. */
  async groups(id: string): Promise<Map<string, GatheredGroup>> {
    const groups = new Map<string, GatheredGroup>();
    const folder = uploadKey(id, 'tree/');
    for await (const key of allKeys(this.depot, folder)) {
      const group = await this.#read(key, GatheredGroup);
      if (group) groups.set(key.slice(folder.length), group);
    }
    return groups;
  }

  /** Stores a large file as it comes. @param bytes exactly as many as were listed, or it throws */
  async putLarge(
    id: string,
    { object, files }: TreeGroup,
    pieceLength: number,
    bytes: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<GatheredGroup> {
    const { length } = files[0]!;
    const nodeSpan = nodeSpanFor(pieceLength);
    const cut = { stretches: [length], nodeSpan, wholeFiles: true, digest: false };
    const hasher = this.hashing.open({ ...cut, pieceLengthV1: 0 });
    const key = uploadKey(id, object);
    const body = new ChunkBody(bytes);
    try {
      const { lending } = hasher;
      await this.depot.putObject(key, hasher.through(body), { length, signal, ...lending });
      const { leaves, nodes } = await hasher.finish();
      const layer = length > pieceLength ? layerOf(nodes, nodeSpan, pieceLength) : NOTHING;
      const root = rootOfNodes(nodes, nodeSpan).toString('hex');
      const planned = plannedOf(object, key, [{ root, length }]);
      await this.uploads.hashes.write(id, planned, 0, { leaves, layer, sha1: NOTHING });
      return await this.#note(id, planned, [root]);
    } finally {
      this.hashing.close(hasher);
      await body.close();
    }
  }

  /** Stores small files in one object; content that several of them have is kept once. */
  async putSmall(
    id: string,
    object: string,
    pieceLength: number,
    contents: readonly Buffer[],
  ): Promise<GatheredGroup> {
    const distinct = new Map<string, { bytes: Buffer; leaves: Buffer; layer: Buffer }>();
    const roots = contents.map((bytes) => {
      const leaves = leafHashesOf(bytes);
      const root = fileRoot(leaves, bytes.length)!.toString('hex');
      const isLong = bytes.length > pieceLength;
      const layer = isLong ? layerOf(leaves, BLOCK_LENGTH, pieceLength) : NOTHING;
      if (!distinct.has(root)) distinct.set(root, { bytes, leaves, layer });
      return root;
    });
    const kept = [...distinct.values()];
    const key = uploadKey(id, object);
    await this.depot.putObject(
      key,
      kept.map(({ bytes }) => bytes),
    );
    const entries = [...distinct].map(([root, { bytes }]) => ({ root, length: bytes.length }));
    const planned = plannedOf(object, key, entries);
    await this.uploads.hashes.write(id, planned, 0, {
      leaves: Buffer.concat(kept.map(({ leaves }) => leaves)),
      layer: Buffer.concat(kept.map(({ layer }) => layer)),
      sha1: NOTHING,
    });
    return this.#note(id, planned, roots);
  }

  async #note(id: string, object: PlanObject, roots: string[]): Promise<GatheredGroup> {
    const group = { object, roots };
    await this.#write(uploadKey(id, `tree/${object.object}`), group);
    return group;
  }

  async #write(key: string, value: unknown): Promise<void> {
    await this.depot.putObject(key, [Buffer.from(JSON.stringify(value))]);
  }

  async #read<T>(key: string, schema: z.ZodType<T>): Promise<T | null> {
    try {
      return schema.parse(JSON.parse((await this.depot.readObject(key)).toString('utf8')));
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'NOT_FOUND') return null;
      throw error;
    }
  }
}

/** One part, however long: it came whole. */
function plannedOf(object: string, key: string, entries: PlanObject['entries']): PlanObject {
  const bytes = entries.reduce((sum, { length }) => sum + length, 0);
  return { object, bytes, partBytes: bytes, entries, source: { object: key } };
}
