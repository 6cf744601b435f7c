import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { partCount, partRange, uploadGone, uploadIncomplete } from '../depot-checks.js';
import type { ChunkOptions, Chunks, PartedObject } from '../depot.js';
import { writeChunks } from './chunk-writer.js';
import type { FolderKeeper } from './folder-keeper.js';
import { io, isSystemError, translated } from './fs-errors.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { SpaceGuard } from './space-guard.js';

const HANDLE = /^[0-9a-f-]{36}$/;
const PART = /^\d+$/;
const DATA = 'data';

/**
 * Objects that arrive in parts: a folder each, with one sparse file that parts are written into at
 * their place, and an empty file for every part that is durable there. So the commit is a rename.
 */
export class PartedFiles {
  readonly #parts = new KeyedMutex();

  constructor(
    private readonly root: string,
    private readonly folders: FolderKeeper,
    private readonly space: SpaceGuard,
  ) {}

  async begin(key: string, length: number, partLength: number): Promise<PartedObject> {
    const handle = randomUUID();
    const folder = join(this.root, handle);
    (await this.space.claim(length, key)).release();
    const make = async () => {
      const data = await open(join(folder, DATA), 'wx', 0o600);
      try {
        await data.truncate(length);
        await data.sync();
      } finally {
        await data.close();
      }
      await this.folders.sync(folder);
    };
    const parted = { key, handle, length, partLength };
    try {
      await this.folders.within(folder, make);
    } catch (error) {
      await this.abort(parted).catch(() => undefined);
      throw translated(error, key);
    }
    return parted;
  }

  async put(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options: ChunkOptions & { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const range = partRange(parted, index);
    const folder = this.#folder(parted);
    return this.#parts.run(`${parted.handle}/${index}`, async () => {
      if (await this.#isThere(parted, join(folder, String(index)))) return false;
      const data = await this.#openData(parted);
      try {
        const write = { key: parted.key, chunks, position: range.offset, ...options };
        await writeChunks(data, { ...write, expected: range.length }, this.space);
        await io(parted.key, data.datasync());
      } finally {
        await data.close();
      }
      await this.#mark(parted, folder, index);
      return true;
    });
  }

  async list(parted: PartedObject): Promise<number[]> {
    const folder = this.#folder(parted);
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      throw isSystemError(error, 'ENOENT') ? uploadGone(parted) : translated(error, parted.key);
    }
    if (!names.includes(DATA)) throw uploadGone(parted);
    return names
      .filter((name) => PART.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** Gives the object its place at `path`, in a folder that the caller keeps. */
  async commit(parted: PartedObject, path: string): Promise<void> {
    const present = await this.list(parted);
    if (present.length < partCount(parted)) throw uploadIncomplete(parted, present.length);
    try {
      await rename(join(this.#folder(parted), DATA), path);
    } catch (error) {
      throw isSystemError(error, 'ENOENT') ? uploadGone(parted) : translated(error, parted.key);
    }
    await io(parted.key, this.folders.sync(dirname(path)));
    await this.abort(parted);
  }

  async abort(parted: PartedObject): Promise<void> {
    const removed = rm(this.#folder(parted), { recursive: true, force: true, maxRetries: 3 });
    await io(parted.key, removed);
    this.folders.forget(this.#folder(parted));
  }

  /** Removes what nobody touched for `ageMs`, and what a crash left of a commit. */
  async sweep(now: number, ageMs: number): Promise<void> {
    for (const handle of await readdir(this.root).catch(() => [])) {
      const folder = join(this.root, handle);
      const { mtimeMs } = await stat(folder);
      const names = await readdir(folder);
      if (names.includes(DATA) && now - mtimeMs < ageMs) continue;
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #mark(parted: PartedObject, folder: string, index: number): Promise<void> {
    try {
      await (await open(join(folder, String(index)), 'wx', 0o600)).close();
      await this.folders.sync(folder);
    } catch (error) {
      throw isSystemError(error, 'ENOENT') ? uploadGone(parted) : translated(error, parted.key);
    }
  }

  async #isThere(parted: PartedObject, path: string): Promise<boolean> {
    try {
      await stat(path);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return false;
      throw translated(error, parted.key);
    }
    return true;
  }

  async #openData(parted: PartedObject) {
    try {
      return await open(join(this.#folder(parted), DATA), 'r+');
    } catch (error) {
      throw isSystemError(error, 'ENOENT') ? uploadGone(parted) : translated(error, parted.key);
    }
  }

  #folder(parted: PartedObject): string {
    if (!HANDLE.test(parted.handle)) throw uploadGone(parted);
    return join(this.root, parted.handle);
  }
}
