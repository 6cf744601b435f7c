import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { FolderLock, type ReadableObjects } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

import { SpanFileReader } from './span-file.reader.js';
import { damaged, encodeHead, spanName, toPages, type SpanHead } from './span.file.js';

/** A span that an earlier process left. */
export interface LeftSpan {
  readonly name: string;
  /** Bytes on the disk. */
  readonly bytes: number;
  /** When it was written, milliseconds since 1970. */
  readonly writtenAt: number;
}

const NAME = /^[0-9a-f]{32}\.\d{1,15}$/;
const PARTIAL = '.partial';
const FOLDERS = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, '0'));
const FOLDERS_AT_ONCE = 8;

/**
 * Spans as files of a folder that one process has for itself. A file has its name only when all of it
 * is written, so a process that is killed leaves nothing half-made under a name; it is not forced to
 * the disk, because what a loss of power tears shows in its sums and is got again.
 */
export class SpanFolder implements ReadableObjects {
  private constructor(
    private readonly folder: string,
    private readonly lock: FolderLock,
  ) {}

  /** @throws DEPOT_LOCKED when another process has it; what the system says */
  static async open(folder: string): Promise<SpanFolder> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await FolderLock.acquire(join(folder, 'lock'));
    try {
      await sideBySide(FOLDERS, FOLDERS_AT_ONCE, (each) =>
        mkdir(join(folder, each), { recursive: true, mode: 0o700 }),
      );
      return new SpanFolder(folder, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** What is here, the oldest first; nothing of it is read. What was being written is removed. */
  async takeOver(): Promise<LeftSpan[]> {
    const left: LeftSpan[] = [];
    await sideBySide(FOLDERS, FOLDERS_AT_ONCE, async (each) => {
      for (const name of await readdir(join(this.folder, each))) {
        const path = join(this.folder, each, name);
        if (name.endsWith(PARTIAL)) await rm(path, { force: true });
        if (!NAME.test(name) || !name.startsWith(each)) continue;
        const { size, mtimeMs } = await stat(path);
        left.push({ name, bytes: toPages(size), writtenAt: mtimeMs });
      }
    });
    return left.sort((a, b) => a.writtenAt - b.writtenAt);
  }

  /** Writes a span, whole or not at all. @throws what the system says */
  async write(head: SpanHead, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(spanName(head));
    const partial = path + PARTIAL;
    try {
      const file = await open(partial, 'w', 0o600);
      try {
        await writeWhole(file, encodeHead(head, bytes));
        await writeWhole(file, bytes);
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** @throws HASH_MISMATCH for a file that is not the span its name says; what the system says */
  async openForRead(name: string): Promise<SpanFileReader> {
    const reader = await SpanFileReader.open(this.#pathOf(name));
    if (spanName(reader.head) === name) return reader;
    await reader.close();
    throw damaged();
  }

  async remove(name: string): Promise<void> {
    await rm(this.#pathOf(name), { force: true });
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  #pathOf(name: string): string {
    return join(this.folder, name.slice(0, 2), name);
  }
}

/** A disk that fills up takes a part first, and refuses the rest when it is asked again. */
async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done)).bytesWritten;
  }
}
