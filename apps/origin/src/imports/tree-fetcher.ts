import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type DeclaredFile, type StartUpload } from '#lib/contracts';
import { PACKED_BELOW, type ForeignFolder } from '#lib/depot';
import { sideBySide, type Logger } from '#lib/runtime';
import { defaultPieceLength } from '#lib/torrent';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { GatheredUploads } from '../uploads/gathered-uploads.js';
import { MAX_STREAMED_BYTES } from '../uploads/single-file-uploads.js';
import type { UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import type { ImportRecord } from './import-record.js';
import { BACKOFF, ImportSources, SILENCE_MS, type FetchOptions } from './import-sources.js';
import { ImportCounters } from './import.counters.js';
import { SteadyDownload } from './steady.download.js';
import { TreeGathering, type GatheredGroup } from './tree-gathering.js';
import { groupsOf, type TreeGroup } from './tree.groups.js';
import {
  bytesOf,
  changeBetween,
  ListingBuilder,
  pathText,
  treeChanged,
  type ListedFile,
  type TreeListing,
} from './tree.listing.js';

/** Groups on their way at a time, and small files of each: a pack is in memory until it is whole. */
const GROUPS_AT_ONCE = 2;
const FILES_AT_ONCE = 8;

interface Fetch extends Pick<FetchOptions, 'signal'> {
  readonly record: ImportRecord;
  readonly folder: ForeignFolder;
  readonly prefix: string;
  readonly pieceLength: number;
  /** Tells that so many more bytes have come. */
  readonly came: (bytes: number) => void;
}

/**
 * Fetches a tree of objects. What it consists of is decided by one listing, which is kept: only objects
 * of the versions in it are taken, and in the end a second listing has to be the same.
 */
@Injectable()
export class TreeFetcher {
  constructor(
    private readonly sources: ImportSources,
    private readonly gathering: TreeGathering,
    private readonly gathered: GatheredUploads,
    private readonly uploads: UploadStore,
    private readonly counters: ImportCounters,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Goes on with the groups of files that an earlier run has brought.
   * @throws SOURCE_…, METAINFO_PATH_INVALID, PAYLOAD_TOO_LARGE, DEPOT_FULL
   */
  async fetch(record: ImportRecord, options: FetchOptions): Promise<UploadRecord> {
    const { folder, prefix } = await this.sources.openTree(record);
    try {
      const listing = await this.#begin(record, folder, prefix, options.signal);
      const groups = await this.#gather(record, { folder, prefix, listing }, options);
      const change = changeBetween(listing, await this.#list(folder, prefix, options.signal));
      if (change !== null) throw treeChanged(change);
      const creator = { id: record.creator, name: record.createdBy };
      const objects = [...groups.values()].map(({ object }) => object);
      const request = requestOf(record, listing, groups);
      return await this.gathered.record(record.import, record.app, { request, objects }, creator);
    } catch (error) {
      // What was fetched is of a tree that is no more: another try is to begin with what is there.
      if (isChanged(error)) await this.uploads.remove(record.import, { keepRecord: false });
      throw error;
    } finally {
      folder.close();
    }
  }

  async #begin(
    { import: id, bytes }: ImportRecord,
    folder: ForeignFolder,
    prefix: string,
    signal: AbortSignal,
  ): Promise<TreeListing> {
    const earlier = await this.gathering.listing(id);
    if (earlier) return earlier;
    const listing = await this.#list(folder, prefix, signal);
    const found = bytesOf(listing);
    if (bytes !== null && found !== bytes) {
      const text = `The tree has ${found} bytes, and not ${bytes}.`;
      throw new FleetseedError('SOURCE_MISMATCH', text, { expected: bytes, found });
    }
    const large = listing.files.find(({ length }) => length > MAX_STREAMED_BYTES);
    if (large) {
      const text = `${pathText(large)} is too large for a tree: a file has at most 24 GiB.`;
      throw new FleetseedError('PAYLOAD_TOO_LARGE', text, { limit: MAX_STREAMED_BYTES });
    }
    await this.gathering.writeListing(id, listing);
    return listing;
  }

  async #list(folder: ForeignFolder, prefix: string, signal: AbortSignal): Promise<TreeListing> {
    const { importMaxFiles: maxFiles, importMaxBytes: maxBytes } = this.config;
    const builder = new ListingBuilder(prefix, { maxFiles, maxBytes });
    for await (const page of folder.list(signal)) for (const entry of page) builder.add(entry);
    return builder.end();
  }

  async #gather(
    record: ImportRecord,
    tree: {
      readonly folder: ForeignFolder;
      readonly prefix: string;
      readonly listing: TreeListing;
    },
    options: FetchOptions,
  ): Promise<Map<string, GatheredGroup>> {
    const total = bytesOf(tree.listing);
    let done = 0;
    const came = (bytes: number) => options.progress((done += bytes), total);
    const pieceLength = defaultPieceLength(total);
    const changed = new AbortController();
    const signal = AbortSignal.any([options.signal, changed.signal]);
    const fetch: Fetch = { ...tree, signal, record, pieceLength, came };
    const groups = await this.gathering.groups(record.import);
    const lacking = groupsOf(tree.listing.files).filter((group) => {
      const isThere = groups.has(group.object);
      if (isThere) came(group.files.reduce((sum, { length }) => sum + length, 0));
      return !isThere;
    });
    await sideBySide(lacking, GROUPS_AT_ONCE, async (group) => {
      signal.throwIfAborted();
      try {
        groups.set(group.object, await this.#fetchGroup(group, fetch));
      } catch (error) {
        // Nothing of this tree is kept then, so the other group is not waited for.
        if (isChanged(error)) changed.abort(error);
        throw error;
      }
    });
    return groups;
  }

  async #fetchGroup({ object, files }: TreeGroup, fetch: Fetch): Promise<GatheredGroup> {
    const { record, pieceLength, signal } = fetch;
    const id = record.import;
    const [first] = files;
    if (first && first.length >= PACKED_BELOW) {
      const bytes = this.#bytes(first, fetch);
      return this.gathering.putLarge(id, { object, files }, pieceLength, bytes, signal);
    }
    const contents: Buffer[] = [];
    await sideBySide(files.entries(), FILES_AT_ONCE, async ([index, file]) => {
      contents[index] = Buffer.concat(await Array.fromAsync(this.#bytes(file, fetch)));
    });
    return this.gathering.putSmall(id, object, pieceLength, contents);
  }

  /** Of the version that was listed, exactly as many as were. @throws SOURCE_CHANGED naming the file */
  async *#bytes(file: ListedFile, fetch: Fetch): AsyncGenerator<Buffer> {
    const { folder, prefix, record, signal, came } = fetch;
    const source = folder.object(prefix + pathText(file));
    try {
      const content = await source.open(null, signal);
      const isSame = content.version === file.version && content.length === file.length;
      if (!isSame) throw treeChanged(pathText(file));
      const download = new SteadyDownload(source, content, {
        signal,
        maxBytes: file.length,
        backoff: BACKOFF,
        silenceMs: SILENCE_MS,
        onBreak: (error, at) => {
          this.counters.breaks++;
          const facts = { import: record.import, file: pathText(file), at, error };
          this.logger.info('import goes on where its source broke off', facts);
        },
      });
      for await (const chunk of download.bytes()) {
        this.counters.bytes += chunk.length;
        came(chunk.length);
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw isGone(error) ? treeChanged(pathText(file)) : error;
    }
  }
}

function isChanged(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'SOURCE_CHANGED';
}

/** Replaced or removed since it was listed. */
function isGone(error: unknown): boolean {
  const isAbsent = error instanceof FleetseedError && error.code === 'SOURCE_NOT_FOUND';
  return isAbsent || isChanged(error);
}

function requestOf(
  { version, name }: ImportRecord,
  { files }: TreeListing,
  groups: ReadonlyMap<string, GatheredGroup>,
): StartUpload {
  const roots = new Map<ListedFile, string>();
  for (const { object, files: members } of groupsOf(files)) {
    for (const [index, file] of members.entries()) {
      roots.set(file, groups.get(object)!.roots[index]!);
    }
  }
  const declared = files.map((file): DeclaredFile => {
    const { path, length } = file;
    return { path, length, root: roots.get(file) ?? null, executable: false };
  });
  return { version, name, single: false, format: 'v2', files: declared };
}
