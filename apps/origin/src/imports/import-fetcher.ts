import { createHash, type Hash } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { PartedObject } from '#lib/depot';
import type { Logger } from '#lib/runtime';
import { defaultPieceLength } from '#lib/torrent';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { ChunkBody } from '../uploads/body-source.js';
import { SingleFileUploads, type GatheredFile } from '../uploads/single-file-uploads.js';
import { partBytesFor } from '../uploads/upload-planner.js';
import type { UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { GatheringParts, type Gathering } from './gathering-parts.js';
import type { ImportRecord } from './import-record.js';
import { BACKOFF, ImportSources, SILENCE_MS, type FetchOptions } from './import-sources.js';
import { ImportCounters } from './import.counters.js';
import type { RemoteContent, RemoteSource } from './remote.source.js';
import { SteadyDownload } from './steady.download.js';
import { TreeFetcher } from './tree-fetcher.js';

/** So many versions of a source are tried that is replaced while it is fetched. */
const MOST_VERSIONS = 3;

/** Fetches what is imported, and makes an upload of it. */
@Injectable()
export class ImportFetcher {
  constructor(
    private readonly sources: ImportSources,
    private readonly files: SingleFileUploads,
    private readonly parts: GatheringParts,
    private readonly uploads: UploadStore,
    private readonly trees: TreeFetcher,
    private readonly counters: ImportCounters,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Goes on with what an earlier run has gathered, if the source is still what it was.
   * @throws SOURCE_…, PAYLOAD_TOO_LARGE, DEPOT_FULL
   */
  async fetch(record: ImportRecord, options: FetchOptions): Promise<UploadRecord> {
    if (this.sources.isTree(record)) return this.trees.fetch(record, options);
    const source = await this.sources.open(record);
    try {
      const file = await this.#gather(record, source, options);
      const creator = { id: record.creator, name: record.createdBy };
      return await this.files.record(record.import, record, file, creator);
    } finally {
      source.close();
    }
  }

  /** Drops what was gathered. */
  async forget(id: string, parted: PartedObject): Promise<void> {
    await this.parts.drop(id, parted);
  }

  async #gather(
    record: ImportRecord,
    source: RemoteSource,
    options: FetchOptions,
  ): Promise<GatheredFile> {
    for (let version = 1; ; version++) {
      try {
        return await this.#gatherVersion(record, source, options);
      } catch (error) {
        const isChanged = error instanceof FleetseedError && error.code === 'SOURCE_CHANGED';
        if (!isChanged || version === MOST_VERSIONS) throw error;
        this.logger.info('import begins anew: its source was replaced', facts(record));
      }
    }
  }

  async #gatherVersion(
    record: ImportRecord,
    source: RemoteSource,
    options: FetchOptions,
  ): Promise<GatheredFile> {
    const kept = await this.parts.find(record.import);
    if (kept?.isWhole) return this.#wholeParts(record, kept, null, options);
    const { signal } = options;
    const position = kept?.version ? { offset: kept.offset, version: kept.version } : null;
    const content = await source.open(position, signal);
    checkLength(record, content.length);
    const goesOn =
      kept !== null &&
      content.offset === kept.offset &&
      content.version === kept.version &&
      content.length === kept.parted.length;
    if (kept && !goesOn) await this.parts.drop(record.import, kept.parted);
    if (content.offset > 0 && !goesOn) {
      throw new FleetseedError('SOURCE_CHANGED', 'The source was replaced while it was fetched.');
    }
    const digest = record.sha256 !== null && content.offset === 0 ? createHash('sha256') : null;
    const bytes = this.#bytes(record, source, content, digest, options);
    const { length } = content;
    const partBytes = length === null ? 0 : partBytesFor(length, defaultPieceLength(length));
    if (length === null || length <= partBytes) {
      return this.#whole(record, bytes, length, digest, signal);
    }
    const gathering = goesOn
      ? kept
      : await this.parts.begin(record.import, { length, partBytes, version: content.version });
    await this.parts.store(record.import, gathering, bytes, signal);
    return this.#wholeParts(record, gathering, digest, options);
  }

  /** What came in one go. */
  async #whole(
    record: ImportRecord,
    bytes: AsyncIterable<Buffer>,
    length: number | null,
    digest: Hash | null,
    signal: AbortSignal,
  ): Promise<GatheredFile> {
    const file = await this.#gathered(record, bytes, length, signal);
    try {
      checkLength(record, file.bytes);
      checkDigest(record, digest?.digest('hex') ?? null);
    } catch (error) {
      await this.uploads.remove(record.import, { keepRecord: false });
      throw error;
    }
    return file;
  }

  async #gathered(
    { import: id }: ImportRecord,
    bytes: AsyncIterable<Buffer>,
    length: number | null,
    signal: AbortSignal,
  ): Promise<GatheredFile> {
    const body = new ChunkBody(bytes);
    try {
      return await this.files.gather(id, body, length, signal);
    } finally {
      await body.close();
    }
  }

  /** All parts are there; their bytes are read once more only if they did not all come in this run. */
  async #wholeParts(
    record: ImportRecord,
    { parted }: Gathering,
    digest: Hash | null,
    { signal }: FetchOptions,
  ): Promise<GatheredFile> {
    const id = record.import;
    try {
      if (record.sha256 !== null) {
        const found = digest ? digest.digest('hex') : await this.parts.digest(parted, signal);
        checkDigest(record, found);
      }
      return await this.parts.file(id, parted);
    } catch (error) {
      const isUseless = error instanceof FleetseedError && error.status < 500;
      if (isUseless) await this.parts.drop(id, parted);
      throw error;
    }
  }

  async *#bytes(
    record: ImportRecord,
    source: RemoteSource,
    content: RemoteContent,
    digest: Hash | null,
    { signal, progress }: FetchOptions,
  ): AsyncGenerator<Buffer> {
    const download = new SteadyDownload(source, content, {
      signal,
      maxBytes: this.config.importMaxBytes,
      backoff: BACKOFF,
      silenceMs: SILENCE_MS,
      onBreak: (error, at) => {
        this.counters.breaks++;
        this.logger.info('import goes on where its source broke off', {
          ...facts(record),
          at,
          error,
        });
      },
    });
    for await (const chunk of download.bytes()) {
      this.counters.bytes += chunk.length;
      digest?.update(chunk);
      progress(download.at, content.length);
      yield chunk;
    }
  }
}

function facts({ import: id, app, version, from }: ImportRecord) {
  return { import: id, app, version, from };
}

function checkLength({ bytes }: ImportRecord, found: number | null): void {
  if (bytes === null || found === null || found === bytes) return;
  const text = `The source has ${found} bytes, and not ${bytes}.`;
  throw new FleetseedError('SOURCE_MISMATCH', text, { expected: bytes, found });
}

function checkDigest({ sha256 }: ImportRecord, found: string | null): void {
  if (sha256 === null || found === sha256) return;
  const text = `The source has the SHA-256 ${found}, and not ${sha256}.`;
  throw new FleetseedError('SOURCE_MISMATCH', text, { expected: sha256, found });
}
