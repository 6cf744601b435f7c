import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FleetseedError } from '#lib/contracts';
import {
  BlobStore,
  MemoryDepot,
  type ByteRange,
  type ContentFile,
  type Depot,
  type Place,
} from '#lib/depot';
import { silentLogger, systemClock, type Clock } from '#lib/runtime';
import { fileRoot, leafHashesOf, pieceLayerOf } from '#lib/torrent';

import { noise } from '../origin.fixture.js';
import { CacheCounters } from './cache.counters.js';
import { CachedContent } from './cached.content.js';
import { SpanDisk } from './span.disk.js';
import { toPages } from './span.file.js';
import { SpanFolder } from './span.folder.js';

const MIB = 1024 * 1024;
const PIECE = 512 * 1024;

/** A file that is in the depot, and what its reader knows of it. */
export interface StoredFile {
  readonly bytes: Buffer;
  readonly file: ContentFile;
  readonly place: Place;
}

/** A store that can be told to fail, to lie, or to wait, and remembers what it was asked. */
export class FarDepot {
  readonly asked: { readonly key: string; readonly range: ByteRange | undefined }[] = [];
  /** What happens to a request instead of being answered rightly. */
  fault: ((key: string) => 'away' | 'flipped' | null) | null = null;
  /** Requests wait for it. */
  gate: Promise<void> = Promise.resolve();

  constructor(readonly depot: Depot) {}

  async readObject(key: string, range?: ByteRange): Promise<Buffer> {
    this.asked.push({ key, range });
    await this.gate;
    const fault = this.fault?.(key) ?? null;
    if (fault === 'away') throw new FleetseedError('DEPOT_UNAVAILABLE', 'as told');
    const bytes = Buffer.from(await this.depot.readObject(key, range));
    if (fault === 'flipped') bytes[bytes.length >> 1]! ^= 4;
    return bytes;
  }

  /** Bytes of content that were asked for. */
  get contentBytes(): number {
    return this.contentAsked.reduce((sum, { range }) => sum + (range?.length ?? 0), 0);
  }

  get contentAsked() {
    return this.asked.filter(({ key }) => !/\.(?:leaves|index)$/.test(key));
  }
}

async function storedFiles(depot: Depot): Promise<StoredFile[]> {
  const blobs = new BlobStore(depot);
  const files: StoredFile[] = [];
  const factsOf = (bytes: Buffer) => {
    const leaves = leafHashesOf(bytes);
    const root = fileRoot(leaves, bytes.length)!.toString('hex');
    return { root, length: bytes.length, leaves, bytes };
  };
  const fileOf = ({ root, length, leaves }: ReturnType<typeof factsOf>): ContentFile => ({
    root,
    length,
    pieces: { pieceLength: PIECE, hashes: pieceLayerOf(leaves, PIECE) },
  });
  for (const [index, length] of [9 * MIB + 7, 1, 4 * MIB].entries()) {
    const facts = factsOf(noise(length, `blob ${index}`));
    const place = await blobs.putBlob(facts, { chunks: [facts.bytes] });
    files.push({ bytes: facts.bytes, file: fileOf(facts), place });
  }
  const small = Array.from({ length: 60 }, (_, index) =>
    factsOf(noise(1 + ((index * 7919) % 300_000), `small ${index}`)),
  );
  const places = await blobs.putPack(small, { chunks: small.map(({ bytes }) => bytes) });
  small.forEach((facts, index) => {
    files.push({ bytes: facts.bytes, file: fileOf(facts), place: places[index]! });
  });
  return files;
}

/** The same content for all tests of a file: nothing changes it. */
let stored: ReturnType<typeof storedOnce> | undefined;

async function storedOnce() {
  const depot = await MemoryDepot.open();
  return { depot, files: await storedFiles(depot) };
}

export interface CacheUnderTest {
  readonly content: CachedContent;
  readonly counters: CacheCounters;
  readonly disk: SpanDisk;
  /** Ends it, and leaves what a crash in the middle of a write leaves. */
  crash(): Promise<void>;
}

export interface CacheSettings {
  readonly limitBytes?: number;
  readonly memoryBytes?: number;
  readonly clock?: Clock;
  readonly patienceMs?: number;
}

/** A store with content, and a folder that caches may be opened on. */
export class CacheBench {
  private constructor(
    readonly folder: string,
    readonly far: FarDepot,
    readonly files: readonly StoredFile[],
  ) {}

  static async make(): Promise<CacheBench> {
    const { depot, files } = await (stored ??= storedOnce());
    const folder = await mkdtemp(join(tmpdir(), 'fleetseed-cache-'));
    return new CacheBench(folder, new FarDepot(depot), files);
  }

  async open(settings: CacheSettings = {}): Promise<CacheUnderTest> {
    const { limitBytes = 64 * MIB, memoryBytes = 16 * MIB, clock = systemClock } = settings;
    const counters = new CacheCounters();
    const folder = await SpanFolder.open(this.folder);
    const options = { limitBytes, openFiles: 8, counters, clock, logger: silentLogger };
    const disk = await SpanDisk.open(folder, options);
    const patience = settings.patienceMs === undefined ? {} : { patienceMs: settings.patienceMs };
    const parts = { depot: this.far, disk, memoryBytes, counters, clock, ...patience };
    const content = new CachedContent(parts);
    const crash = async () => {
      await disk.settled();
      await writeFile(`${this.folder}/00/${'0'.repeat(32)}.0.partial`, noise(MIB, 'partial'));
      await disk.close();
    };
    return { content, counters, disk, crash };
  }

  /** Reads a part of a file. */
  async read(
    { content }: CacheUnderTest,
    { file, place }: StoredFile,
    position: number,
    length: number,
  ): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    await content.read(place.object, buffer, 0, length, place.offset + position, file);
    return buffer;
  }

  /** The files that lie in the folder. */
  spanFiles(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }

  /** Counted in one turn, in which no file is begun: one that gives way and its follower are not both seen. */
  bytesOnDisk(): number {
    // What had been begun, such as a file's being given its name, may end meanwhile.
    const sizes = this.spanFiles().map((path) => statSync(path, { throwIfNoEntry: false })?.size);
    return sizes.reduce<number>((sum, size = 0) => sum + toPages(size), 0);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
