import { randomBytes } from 'node:crypto';
import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeChunks, type ChunkWrite } from './chunk-writer.js';
import type { FolderKeeper } from './folder-keeper.js';
import { io, isSystemError, translated } from './fs-errors.js';
import type { SpaceGuard } from './space-guard.js';

/**
 * Whole files that appear at once: written and synced under a temporary name, then linked or
 * renamed to their own, then their folder is synced. What a crash leaves is under `.tmp` only.
 */
export class DepotFiles {
  /** Of this process alone: the first writes come before the leftovers of others are removed. */
  readonly #prefix = randomBytes(6).toString('hex');
  #counter = 0;

  constructor(
    private readonly temporaryFolder: string,
    private readonly folders: FolderKeeper,
    private readonly space: SpaceGuard,
  ) {}

  async prepare(): Promise<void> {
    await io('.tmp', mkdir(this.temporaryFolder, { recursive: true, mode: 0o700 }));
  }

  /** Only while nothing is being written: right after the depot was locked. */
  async removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.temporaryFolder)) {
      await rm(join(this.temporaryFolder, name), { recursive: true, force: true });
    }
  }

  /** @returns null if there is no such file. */
  async read(key: string, path: string): Promise<Buffer | null> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return null;
      throw translated(error, key);
    }
  }

  /** @returns false if the name is taken. */
  async create(key: string, path: string, bytes: Uint8Array): Promise<boolean> {
    return this.#placed(key, path, fixed(key, bytes), async (temporary) => {
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        // A racer was first; its file is made durable before we tell that the name is taken.
        if (isSystemError(error, 'EEXIST') && (await stat(path)).isFile()) return false;
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  async replace(key: string, path: string, bytes: Uint8Array): Promise<void> {
    await this.#placed(key, path, fixed(key, bytes), (temporary) => rename(temporary, path));
  }

  /** @returns the bytes that came. */
  async write(path: string, write: ChunkWrite): Promise<number> {
    let length = 0;
    const fill = async (file: FileHandle) => {
      length = await writeChunks(file, write, this.space);
    };
    await this.#placed(write.key, path, fill, (temporary) => rename(temporary, path));
    return length;
  }

  async remove(key: string, path: string): Promise<void> {
    try {
      await rm(path);
      await this.folders.entryRemoved(dirname(path));
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw translated(error, key);
    }
  }

  async move(from: string, fromPath: string, to: string, toPath: string): Promise<void> {
    const folder = dirname(toPath);
    const place = async () => {
      await io(from, rename(fromPath, toPath));
      await this.folders.sync(folder);
    };
    await io(to, this.folders.within(folder, place));
    if (dirname(fromPath) !== folder) await io(from, this.folders.entryRemoved(dirname(fromPath)));
  }

  /** Writes a temporary file, lets `place` give it its name, and makes the name durable. */
  async #placed<T>(
    key: string,
    path: string,
    fill: (file: FileHandle) => Promise<void>,
    place: (temporary: string) => Promise<T>,
  ): Promise<T> {
    const folder = dirname(path);
    const temporary = join(this.temporaryFolder, `${this.#prefix}-${this.#counter++}`);
    await this.#writeTemporary(key, temporary, fill);
    try {
      return await this.folders.within(folder, async () => {
        const placed = await place(temporary);
        await this.folders.sync(folder);
        return placed;
      });
    } catch (error) {
      await rm(temporary, { force: true });
      throw translated(error, key);
    }
  }

  /**
   * A file that could not be written or synced is removed and never tried again: after a failed
   * sync the kernel may count its pages as clean.
   */
  async #writeTemporary(
    key: string,
    temporary: string,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<void> {
    const file = await io(key, open(temporary, 'wx', 0o600));
    try {
      await fill(file);
      await io(key, file.datasync());
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
    await io(key, file.close());
  }
}

function fixed(key: string, bytes: Uint8Array): (file: FileHandle) => Promise<void> {
  return (file) => io(key, file.writeFile(bytes));
}
