import { lstat, mkdir } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';

import { diskError } from './disk-errors.js';

/**
 * Creates folders on the way to files and makes sure that none of them is a symlink. Each folder is
 * looked at once; asking again costs a look into a map.
 */
export class FolderMaker {
  readonly #known = new Map<string, Promise<void>>();

  /** Every folder that this made or found, so that their entries can be made durable. */
  get folders(): IterableIterator<string> {
    return this.#known.keys();
  }

  /**
   * `base` is where its owner wants it and may lead through symlinks; the folders `below` may not.
   * @throws FleetseedError UNPACK_REFUSED, NO_SPACE, DISK_IO
   */
  async ensure(base: string, below: readonly string[]): Promise<void> {
    const whole = below.length === 0 ? base : `${base}/${below.join('/')}`;
    const known = this.#known.get(whole);
    if (known) return known;
    const made = this.#make(base, below, whole);
    this.#known.set(whole, made);
    // What failed may go better the next time: the disk was full, something stood in the way.
    made.catch(() => this.#known.delete(whole));
    return made;
  }

  /** Forgets all folders: somebody else has removed one. */
  forget(): void {
    this.#known.clear();
  }

  async #make(base: string, below: readonly string[], whole: string): Promise<void> {
    if (below.length === 0) {
      await mkdir(base, { recursive: true }).catch((error: unknown) => {
        throw diskError(error, base);
      });
      return;
    }
    await this.ensure(base, below.slice(0, -1));
    try {
      await mkdir(whole);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw diskError(error, whole);
      await checkFolder(whole);
    }
  }
}

async function checkFolder(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) return;
  const text = `Something other than a folder is in the way at ${path}.`;
  throw new FleetseedError('UNPACK_REFUSED', text, { path });
}
