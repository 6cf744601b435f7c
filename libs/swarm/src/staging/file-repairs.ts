import { chmod, mkdir, rename, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

import { toFleetseedError, type FleetseedError } from '#lib/contracts';
import { syncFolder, type Logger } from '#lib/runtime';
import type { Metainfo, PieceMap } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { FolderMaker } from '../disk/folder-maker.js';
import type { HashPool } from '../hashing/hash-pool.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import { copyLocal } from './copy-local.js';
import type { RepairingStore } from './repairing.store.js';

export interface FileRepairsOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfo: Metainfo;
  readonly store: RepairingStore;
  readonly torrent: () => Torrent;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The file has taken its place; it is to be hashed once more before it is trusted. */
  readonly replaced: (file: number) => void;
  /** It cannot be repaired now: the disk is full, something is in the way. */
  readonly postponed: (file: number, error: FleetseedError) => void;
}

/**
 * Puts damaged files of an installed tree right: what is still right of one is copied beside the tree,
 * the rest is fetched into the copy, and when that is whole it takes the place of the damaged file by
 * rename. Until then it is served from beside the tree.
 */
export class FileRepairs {
  readonly #active = new Set<number>();
  /** Files that are taking their place. */
  readonly #ending = new Set<Promise<void>>();

  constructor(private readonly options: FileRepairsOptions) {}

  /** Files that are being put right. */
  get count(): number {
    return this.#active.size;
  }

  has(file: number): boolean {
    return this.#active.has(file);
  }

  /** Never rejects: what goes wrong is `postponed`. */
  async begin(file: number): Promise<void> {
    const { store, metainfo, torrent } = this.options;
    const pieces = this.#piecesOf(file);
    this.#active.add(file);
    try {
      const target = store.repairs.pathOf(file);
      store.repairs.reopen(file);
      await mkdir(dirname(target), { recursive: true });
      const copied = await copyLocal(store.installed.pathOf(file), target);
      if (copied) await truncate(target, metainfo.files[file]!.length);
      store.beginRepair(file);
      const good = await this.#verify(pieces);
      torrent().restore(good.indices());
      torrent().fetch(pieces.filter((piece) => !good.get(piece)));
      if (pieces.every((piece) => good.get(piece))) await this.#end(file);
    } catch (error) {
      this.#postpone(file, error);
    }
  }

  /** Pieces [first, first + count) are verified and written. */
  fetched(first: number, count: number): void {
    if (this.#active.size === 0) return;
    const files = new Set<number>();
    for (let piece = first; piece < first + count; piece++)
      files.add(this.#pieces.fileIndexOf(piece));
    const { have } = this.options.torrent();
    for (const file of files) {
      const whole = this.has(file) && this.#piecesOf(file).every((piece) => have.get(piece));
      if (!whole) continue;
      const ending: Promise<void> = this.#end(file)
        .catch((error: unknown) => this.#postpone(file, error))
        .finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
  }

  /** Waits for files that are taking their place; to be called when the signal has aborted. */
  async close(): Promise<void> {
    await Promise.all(this.#ending);
  }

  /** Pieces of the damaged file that are still right. */
  async #verify(pieces: readonly number[]): Promise<Bitfield> {
    const { session, hasher, store, signal } = this.options;
    const candidates = new Bitfield(this.#pieces.pieceCount);
    for (const piece of pieces) candidates.set(piece);
    return verifyPieces({
      store: store.repairs,
      pieces: this.#pieces,
      candidates,
      hasher,
      buffers: session.buffers,
      signal,
    });
  }

  /** The whole file takes the place of the damaged one, at once and durably. */
  async #end(file: number): Promise<void> {
    const { metainfo, store, torrent, signal, replaced } = this.options;
    const { executable, path: components } = metainfo.files[file]!;
    const { repairs, installed } = store;
    const path = installed.pathOf(file);
    await repairs.sync();
    await chmod(repairs.pathOf(file), executable ? 0o755 : 0o644);
    signal.throwIfAborted();
    // Its folder may be gone, or be a link by now: nothing is ever written through one.
    const { base, below } = installed.paths.foldersOf(components);
    await new FolderMaker().ensure(base, below);
    // Until it is trusted there it is not promised to anybody.
    torrent().withdraw(this.#piecesOf(file));
    // A handle that stayed open would lead into the installed file.
    repairs.reopen(file);
    await rename(repairs.pathOf(file), path);
    await syncFolder(dirname(path));
    this.#leave(file);
    replaced(file);
  }

  #postpone(file: number, error: unknown): void {
    const { signal, torrent, postponed } = this.options;
    if (signal.aborted) return;
    torrent().withdraw(this.#piecesOf(file));
    this.#leave(file);
    postponed(file, toFleetseedError(error));
  }

  #leave(file: number): void {
    this.#active.delete(file);
    this.options.store.endRepair(file);
  }

  get #pieces(): PieceMap {
    return this.options.torrent().pieces;
  }

  #piecesOf(file: number): number[] {
    const { firstPiece, pieceCount } = this.options.metainfo.files[file]!;
    return Array.from({ length: pieceCount }, (_, index) => firstPiece + index);
  }
}
