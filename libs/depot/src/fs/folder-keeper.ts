import { rmdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncFolder } from '#lib/runtime';

import { isSystemError } from './fs-errors.js';

/**
 * Makes, syncs and removes the folders of one depot.
 *
 * Folder syncs are shared: all who ask while one runs are served by the next one together, since
 * only a sync that began after their change covers it. Empty folders are removed, but none that
 * somebody is writing in, so that a folder once made durable for a writer stays.
 */
export class FolderKeeper {
  readonly #durable = new Set<string>();
  readonly #making = new Map<string, Promise<void>>();
  readonly #writers = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #queued = new Map<string, Promise<void>>();

  /** `root` exists and stays. */
  constructor(private readonly root: string) {
    this.#durable.add(root);
  }

  /** Runs `action` while `folder` is there durably and is not removed. */
  async within<T>(folder: string, action: () => Promise<T>): Promise<T> {
    this.#count(folder, 1);
    try {
      await this.#ensure(folder);
      return await action();
    } finally {
      this.#count(folder, -1);
    }
  }

  /** Returns when a sync of `folder` that began after this call has succeeded. */
  async sync(folder: string): Promise<void> {
    const queued = this.#queued.get(folder);
    if (queued) return queued;
    const running = this.#running.get(folder);
    if (!running) return this.#startSync(folder);
    const start = () => {
      this.#queued.delete(folder);
      return this.#startSync(folder);
    };
    const next = running.then(start, start);
    this.#queued.set(folder, next);
    return next;
  }

  /** Makes the removal of an entry of `folder` durable, and removes folders that became empty. */
  async entryRemoved(folder: string): Promise<void> {
    let changed = folder;
    while (this.#removeIfUnused(changed)) changed = dirname(changed);
    for (;;) {
      try {
        return await this.sync(changed);
      } catch (error) {
        // Removed by somebody else meanwhile: then the folder above says so.
        if (!isSystemError(error, 'ENOENT') || changed === this.root) throw error;
        changed = dirname(changed);
      }
    }
  }

  /** For a folder that its owner removed. */
  forget(folder: string): void {
    this.#durable.delete(folder);
  }

  /** Synchronous on purpose: between the look at the writers and the removal nobody may enter. */
  #removeIfUnused(folder: string): boolean {
    if (folder === this.root || this.#writers.has(folder)) return false;
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) return false;
    }
    this.#durable.delete(folder);
    return true;
  }

  #ensure(folder: string): Promise<void> {
    if (this.#durable.has(folder)) return Promise.resolve();
    const making = this.#making.get(folder);
    if (making) return making;
    const made = this.#make(folder).finally(() => this.#making.delete(folder));
    this.#making.set(folder, made);
    return made;
  }

  async #make(folder: string): Promise<void> {
    const parent = dirname(folder);
    await this.#ensure(parent);
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
    await this.sync(parent);
    this.#durable.add(folder);
  }

  #startSync(folder: string): Promise<void> {
    const run = syncFolder(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, run);
    return run;
  }

  #count(folder: string, by: 1 | -1): void {
    for (let path = folder; path.length > this.root.length; path = dirname(path)) {
      const writers = (this.#writers.get(path) ?? 0) + by;
      if (writers > 0) this.#writers.set(path, writers);
      else this.#writers.delete(path);
    }
  }
}
