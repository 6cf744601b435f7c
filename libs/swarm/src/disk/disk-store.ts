import { ftruncate } from 'node:fs';
import { promisify } from 'node:util';

import { FleetseedError } from '#lib/contracts';

import { ArtifactPaths, type ArtifactLayout } from './artifact-paths.js';
import { FileSpans, type FileSegment } from './file-spans.js';
import { FolderMaker } from './folder-maker.js';
import { HandleCache } from './handle-cache.js';
import { eachAtMost, InFlight } from './in-flight.js';
import { OPEN_PLACES } from './open-places.js';
import { checkPayloadRange, type PayloadStore } from './payload-store.js';
import {
  closeQuietly,
  openForReading,
  openForWriting,
  readFully,
  statFd,
  writeFully,
} from './raw-file.js';
import { filesInMemory, partSegments, type SmallFiles } from './small-files.js';
import { syncPaths } from './sync-tree.js';

const truncateFd = promisify(ftruncate);

/** Node's thread pool has four threads by default: twice that keeps them busy. */
const AT_ONCE = 8;

export interface DiskStoreOptions {
  /** Files that are kept open; 64 by default. */
  readonly openFiles?: number;
  /** Takes small files off this thread; without it each is done by itself. */
  readonly smallFiles?: SmallFiles;
}

/**
 * The payload in the files of an artifact, under a folder or as one plain file (see
 * {@link ArtifactPaths} for what lies where). Files and folders come into being with the first write
 * into them; files are sparse until they are full. Nothing is written or read through a symlink.
 *
 * Files that a range covers whole are opened, moved and closed on the spot, many at once where there are
 * {@link SmallFiles}: they are touched once, and would push the large ones out of the handle cache.
 */
export class DiskStore implements PayloadStore {
  readonly length: number;
  readonly paths: ArtifactPaths;
  readonly spans: FileSpans;
  readonly #layout: ArtifactLayout;
  readonly #folders = new FolderMaker();
  readonly #handles: HandleCache;
  readonly #smallFiles: SmallFiles | null;
  readonly #inFlight = new InFlight('store');
  /** Files written since the last sync. */
  #dirty = new Set<number>();

  constructor(root: string, layout: ArtifactLayout, options: DiskStoreOptions = {}) {
    this.#layout = layout;
    this.paths = new ArtifactPaths(root, layout.single);
    this.spans = FileSpans.of(layout.files);
    this.length = this.spans.length;
    this.#smallFiles = options.smallFiles ?? null;
    this.#handles = new HandleCache(
      (file, writable) => (writable ? this.#create(file) : this.#open(file)),
      options.openFiles ?? 64,
    );
  }

  /** Where the file with this index lies. */
  pathOf(file: number): string {
    return this.paths.pathOf(this.#layout.files[file]!.path);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#inFlight.run(() => this.#moveRange(offset, target, false));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#inFlight.run(() => this.#moveRange(offset, source, true));
  }

  async sync(): Promise<void> {
    await this.#inFlight.run(async () => {
      const dirty = this.#dirty;
      this.#dirty = new Set();
      if (dirty.size === 0) return;
      const paths = [...dirty].map((file) => this.pathOf(file));
      const [first] = dirty;
      const { base } = this.paths.foldersOf(this.#layout.files[first!]!.path);
      try {
        await syncPaths(base, [...paths, ...this.#folders.folders]);
      } catch (error) {
        for (const file of dirty) this.#dirty.add(file);
        throw error;
      }
    });
  }

  /** The path of a file is going to mean another one: what comes from now on opens it anew. */
  reopen(file: number): void {
    this.#handles.drop(file);
  }

  /** Closes the files that are kept open, when nothing has moved for a while; the store works on. */
  async rest(): Promise<void> {
    await this.#handles.closeAll();
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
    await this.#handles.closeAll();
  }

  async #moveRange(offset: number, bytes: Uint8Array, writing: boolean): Promise<void> {
    checkPayloadRange(this.length, offset, bytes.length);
    const segments = this.spans.segments(offset, bytes.length);
    if (writing) for (const { file } of segments) this.#dirty.add(file);
    if (segments.length === 1) return this.#move(segments[0]!, bytes, writing);
    const { small, single } = partSegments(this.spans, segments, bytes);
    const left = await this.#moveSmall(small, bytes, writing);
    await eachAtMost([...left, ...single], AT_ONCE, (segment) =>
      this.#move(segment, bytes.subarray(segment.at, segment.at + segment.length), writing),
    );
  }

  /** @returns those that are left to be done by themselves, because one of them is not as it should be */
  async #moveSmall(
    segments: readonly FileSegment[],
    bytes: Uint8Array,
    writing: boolean,
  ): Promise<readonly FileSegment[]> {
    const threads = this.#smallFiles;
    if (!threads || segments.length === 0) return segments;
    if (writing) await this.#ensureFolders(segments);
    const files = filesInMemory(segments, bytes, (file) => this.pathOf(file));
    // A thread has one of them open at a time.
    const done = await OPEN_PLACES.within(async () =>
      writing ? threads.writeFiles(files) : (await threads.readFiles(files)).length,
    );
    return segments.slice(done);
  }

  async #move(segment: FileSegment, part: Uint8Array, writing: boolean): Promise<void> {
    const { file, fileOffset, length } = segment;
    const path = this.pathOf(file);
    const move = (fd: number) =>
      writing ? writeFully(fd, part, fileOffset, path) : readFully(fd, part, fileOffset, path);
    if (length === this.spans.lengthOf(file)) {
      return OPEN_PLACES.within(async () => {
        const fd = await (writing ? this.#create(file) : this.#open(file));
        try {
          await move(fd);
        } finally {
          await closeQuietly(fd);
        }
      });
    }
    const lease = await this.#handles.lease(file, writing);
    return move(lease.fd).finally(() => lease.release());
  }

  async #open(file: number): Promise<number> {
    const path = this.pathOf(file);
    return this.#checked(await openForReading(path), path, null);
  }

  async #create(file: number): Promise<number> {
    const path = this.pathOf(file);
    await this.#ensureFolder(file);
    try {
      return await this.#checked(await openForWriting(path), path, this.spans.lengthOf(file));
    } catch (error) {
      // Its folder was there a moment ago: the next attempt looks again.
      if (error instanceof FleetseedError && error.code === 'PIECE_UNAVAILABLE') {
        this.#folders.forget();
        throw new FleetseedError('DISK_IO', `The folder of ${path} has gone.`, { path });
      }
      throw error;
    }
  }

  /** Files of one folder mostly come one after the other. */
  async #ensureFolders(segments: readonly FileSegment[]): Promise<void> {
    let last = '';
    for (const { file } of segments) {
      const folder = this.#layout.files[file]!.path.slice(0, -1).join('/');
      if (folder !== last || file === segments[0]!.file) await this.#ensureFolder(file);
      last = folder;
    }
  }

  #ensureFolder(file: number): Promise<void> {
    const { base, below } = this.paths.foldersOf(this.#layout.files[file]!.path);
    return this.#folders.ensure(base, below);
  }

  /** Regular files only; what is left of something longer is cut off. */
  async #checked(fd: number, path: string, longest: number | null): Promise<number> {
    try {
      const stat = await statFd(fd, path);
      if (!stat.isFile()) {
        const text = `Something other than a regular file is in the way at ${path}.`;
        throw new FleetseedError('UNPACK_REFUSED', text, { path });
      }
      if (longest !== null && stat.size > longest) await truncateFd(fd, longest);
      return fd;
    } catch (error) {
      await closeQuietly(fd);
      throw error;
    }
  }
}
