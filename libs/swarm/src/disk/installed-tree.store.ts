import { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { ArtifactPaths, type ArtifactLayout } from './artifact-paths.js';
import { eachInBatches } from './each-in-batches.js';
import type { FileSignature } from './file-signature.js';
import { FileSignatures } from './file-signatures.js';
import { FileSpans, type FileSegment } from './file-spans.js';
import { HandleCache } from './handle-cache.js';
import { eachAtMost, InFlight } from './in-flight.js';
import { OPEN_PLACES } from './open-places.js';
import { checkPayloadRange, type PayloadStore } from './payload-store.js';
import { closeQuietly, lstatPath, openForReading, readFully, statFd } from './raw-file.js';
import { filesInMemory, partSegments, type SmallFiles } from './small-files.js';

const AT_ONCE = 8;
/** How long it may take until a file that was replaced by another is noticed, milliseconds. */
const LOOK_AGAIN_MS = 1000;

export interface InstalledTreeOptions {
  readonly root: string;
  readonly layout: ArtifactLayout;
  /** Of files whose content is known to be right; others are not read. It is kept up to date. */
  readonly signatures: FileSignatures;
  readonly clock: Clock;
  /**
   * Called when a file is found to differ from its signature, once until {@link
   * InstalledTreeStore.trust} is called for it. Its pieces must be withdrawn and hashed again.
   */
  readonly onTouched: (file: number) => void;
  /** Files that are kept open; 64 by default. */
  readonly openFiles?: number;
  /** Takes small files off this thread; without it each is done by itself. */
  readonly smallFiles?: SmallFiles;
}

/**
 * The payload in a tree that people and programs may edit. Reading a file that is not what it was
 * when it was verified gives PIECE_UNAVAILABLE, never its bytes.
 *
 * After each read the open file is looked at: a change of its content moves its times before the bytes
 * change. That a path leads to another file now does no harm to what is read from the one that is
 * open, and is noticed within a second. Writing is refused; a file is repaired by the owner.
 */
export class InstalledTreeStore implements PayloadStore {
  readonly length: number;
  readonly paths: ArtifactPaths;
  readonly signatures: FileSignatures;
  readonly #spans: FileSpans;
  readonly #handles: HandleCache;
  readonly #inFlight = new InFlight('store');
  /** When the path of a file that is kept open was last looked at, monotonic ms. */
  readonly #lookedAt = new Map<number, number>();

  constructor(private readonly options: InstalledTreeOptions) {
    const { layout, root, openFiles = 64 } = options;
    this.signatures = options.signatures;
    this.paths = new ArtifactPaths(root, layout.single);
    this.#spans = FileSpans.of(layout.files);
    this.length = this.#spans.length;
    this.#handles = new HandleCache((file) => this.#open(file), openFiles);
  }

  /** Where the file with this index lies. */
  pathOf(file: number): string {
    return this.paths.pathOf(this.options.layout.files[file]!.path);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#inFlight.run(async () => {
      checkPayloadRange(this.length, offset, target.length);
      const segments = this.#spans.segments(offset, target.length);
      for (const { file } of segments) {
        if (!this.signatures.isKnown(file)) throw this.#unavailable(file);
      }
      const { small, single } = partSegments(this.#spans, segments, target);
      const left = await this.#readSmall(small, target);
      await eachAtMost([...left, ...single], AT_ONCE, (segment) =>
        this.#read(segment, target.subarray(segment.at, segment.at + segment.length)),
      );
    });
  }

  async write(): Promise<void> {
    await this.#inFlight.run(async () => {
      throw new FleetseedError('DISK_IO', 'An installed tree is not written to.');
    });
  }

  async sync(): Promise<void> {
    await this.#inFlight.run(async () => {});
  }

  /** Closes the files that are kept open, when nothing has moved for a while; the store works on. */
  async rest(): Promise<void> {
    await this.#handles.closeAll();
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
    await this.#handles.closeAll();
  }

  /** The file's content was found right while it had this signature. */
  trust(file: number, signature: FileSignature): void {
    this.#handles.drop(file);
    this.#lookedAt.delete(file);
    this.signatures.set(file, signature);
  }

  /**
   * Looks at every file that is trusted. Those that changed, or are gone, are reported to `onTouched`
   * like those that a read finds.
   */
  async checkAll(signal?: AbortSignal): Promise<void> {
    await this.#inFlight.run(async () => {
      const { layout, smallFiles } = this.options;
      const known = [...layout.files.keys()].filter((file) => this.signatures.isKnown(file));
      const look = (file: number, signature: FileSignature | null) => {
        if (!signature || !this.signatures.matches(file, signature)) this.#touched(file);
      };
      const many = async (batch: readonly number[]) => {
        signal?.throwIfAborted();
        const found = await smallFiles!.lookAt(batch.map((file) => this.pathOf(file)));
        for (const [index, signature] of found.entries()) look(batch[index]!, signature);
        return found.length;
      };
      await eachInBatches(known, smallFiles ? many : null, async (file) => {
        signal?.throwIfAborted();
        const stat = await lstatPath(this.pathOf(file));
        look(file, stat && signatureOf(stat));
      });
    });
  }

  /** @returns those that are left to be read by themselves, because one of them is not as it should be */
  async #readSmall(
    segments: readonly FileSegment[],
    target: Uint8Array,
  ): Promise<readonly FileSegment[]> {
    const { smallFiles } = this.options;
    if (!smallFiles || segments.length === 0) return segments;
    const files = filesInMemory(segments, target, (file) => this.pathOf(file));
    // A thread has one of them open at a time.
    const read = await OPEN_PLACES.within(() => smallFiles.readFiles(files));
    for (const [index, signature] of read.entries()) {
      this.#requireUntouched(segments[index]!.file, signature);
    }
    return segments.slice(read.length);
  }

  async #read(segment: FileSegment, part: Uint8Array): Promise<void> {
    const { file, fileOffset, length } = segment;
    if (length === this.#spans.lengthOf(file)) {
      return OPEN_PLACES.within(async () => {
        const fd = await this.#open(file);
        try {
          await this.#readOpen(fd, file, part, fileOffset);
        } finally {
          await closeQuietly(fd);
        }
      });
    }
    await this.#lookAgain(file);
    const lease = await this.#handles.lease(file, false);
    return this.#readOpen(lease.fd, file, part, fileOffset).finally(() => lease.release());
  }

  async #readOpen(fd: number, file: number, part: Uint8Array, offset: number): Promise<void> {
    const path = this.pathOf(file);
    await readFully(fd, part, offset, path).catch((error: unknown) => {
      // Cut off behind our back: an owner must hear of it like of any other change.
      if (isUnavailable(error)) this.#touched(file);
      throw error;
    });
    this.#requireUntouched(file, signatureOf(await statFd(fd, path)));
  }

  #requireUntouched(file: number, signature: FileSignature): void {
    if (this.signatures.matches(file, signature)) return;
    this.#touched(file);
    throw this.#unavailable(file);
  }

  /** A handle would go on reading a file that was replaced; its path says so. */
  async #lookAgain(file: number): Promise<void> {
    const now = this.options.clock.monotonic();
    if (now - (this.#lookedAt.get(file) ?? -Infinity) < LOOK_AGAIN_MS) return;
    const stat = await lstatPath(this.pathOf(file));
    if (!stat || !this.signatures.matches(file, signatureOf(stat))) {
      this.#touched(file);
      throw this.#unavailable(file);
    }
    this.#lookedAt.set(file, now);
  }

  async #open(file: number): Promise<number> {
    try {
      return await openForReading(this.pathOf(file));
    } catch (error) {
      // Gone, or a symlink or folder by now.
      if (!isUnavailable(error)) throw error;
      this.#touched(file);
      throw this.#unavailable(file);
    }
  }

  #touched(file: number): void {
    if (!this.signatures.isKnown(file)) return;
    this.signatures.forget(file);
    this.#handles.drop(file);
    this.#lookedAt.delete(file);
    this.options.onTouched(file);
  }

  #unavailable(file: number): FleetseedError {
    const path = this.pathOf(file);
    const text = `The file ${path} changed since it was verified.`;
    return new FleetseedError('PIECE_UNAVAILABLE', text, { path });
  }
}

/**
 * Signatures of a tree as it lies there now: to be called when its content is known to be right and
 * nobody else has had it yet. A file with another length than the artifact's stays unknown.
 */
export async function recordSignatures(
  root: string,
  layout: ArtifactLayout,
  smallFiles?: SmallFiles,
): Promise<FileSignatures> {
  const paths = new ArtifactPaths(root, layout.single);
  const signatures = new FileSignatures(layout.files.length);
  const { files } = layout;
  const pathOf = (file: number) => paths.pathOf(files[file]!.path);
  const record = (file: number, signature: FileSignature | null) => {
    if (signature?.size === files[file]!.length) signatures.set(file, signature);
  };
  const many = async (batch: readonly number[]) => {
    const found = await smallFiles!.lookAt(batch.map(pathOf));
    for (const [index, signature] of found.entries()) record(batch[index]!, signature);
    return found.length;
  };
  const withBytes = [...files.keys()].filter((file) => files[file]!.length > 0);
  await eachInBatches(withBytes, smallFiles ? many : null, async (file) => {
    const stat = await lstatPath(pathOf(file));
    record(file, stat?.isFile() ? signatureOf(stat) : null);
  });
  return signatures;
}

function isUnavailable(error: unknown): boolean {
  const code = error instanceof FleetseedError ? error.code : null;
  return code === 'PIECE_UNAVAILABLE' || code === 'UNPACK_REFUSED';
}

function signatureOf(stat: { size: bigint; mtimeNs: bigint; ctimeNs: bigint; ino: bigint }) {
  const { size, mtimeNs, ctimeNs, ino } = stat;
  return { size: Number(size), mtimeNs, ctimeNs, ino };
}
