import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

import { toFleetseedError } from '#lib/contracts';
import { syncFolder, type Clock, type Logger } from '#lib/runtime';
import { fileRoot, PieceMap, type Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { DiskStore } from '../disk/disk-store.js';
import { FileSignatures } from '../disk/file-signatures.js';
import { FolderMaker } from '../disk/folder-maker.js';
import { InstalledTreeStore, recordSignatures } from '../disk/installed-tree.store.js';
import type { HashPool } from '../hashing/hash-pool.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import { HandoverStore } from './handover.store.js';
import { RepairingStore } from './repairing.store.js';
import type { SwarmAccess } from './stage-artifact.js';

export interface InstalledSeedOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfo: Metainfo;
  /** Where the artifact stands: its folder, or its file when it is one file. */
  readonly root: string;
  /** Where it is remembered what the files looked like when they were right. */
  readonly signaturesFile: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A file was found to differ from what was installed, or is right again. */
  readonly onRepair?: (path: string, state: 'damaged' | 'repaired') => void;
}

/** Between two looks at all files, milliseconds; longer when looking takes long. */
const LOOK_EVERY_MS = 5_000;
/** Looking takes no more than this share of the time. */
const LOOK_SHARE = 1 / 200;
const RETRY_MS = 10_000;

/**
 * Seeds an artifact from where it is installed, and keeps it as it was installed: a file that people or
 * programs changed is not served, is hashed again, and when it is damaged its bad pieces are fetched
 * beside the tree and take its place by rename.
 */
export class InstalledSeed {
  readonly #pieces: PieceMap;
  readonly #store: RepairingStore;
  readonly #touched = new Set<number>();
  readonly #inRepair = new Set<number>();
  #torrent: Torrent | null = null;
  #work: Promise<void> | null = null;
  #cancelLook: (() => void) | null = null;
  readonly #stopped = new AbortController();

  private constructor(
    private readonly options: InstalledSeedOptions,
    signatures: FileSignatures,
  ) {
    const { metainfo, root, clock } = options;
    this.#pieces = new PieceMap(metainfo);
    const onTouched = (file: number) => this.#onTouched(file);
    const installed = new InstalledTreeStore({
      root,
      layout: metainfo,
      signatures,
      clock,
      onTouched,
    });
    const repairs = new DiskStore(repairRoot(root), metainfo);
    this.#store = new RepairingStore(installed, repairs, metainfo.files);
  }

  /** Takes over from a stage that has just finished: its torrent goes on without a break. */
  static async afterStage(
    options: InstalledSeedOptions,
    torrent: Torrent,
    store: HandoverStore,
  ): Promise<InstalledSeed> {
    const signatures = await recordSignatures(options.root, options.metainfo);
    const seed = new InstalledSeed(options, signatures);
    await seed.#saveSignatures();
    await store.handOver(seed.#store);
    seed.#begin(torrent);
    return seed;
  }

  /** Takes up an artifact that was installed by an earlier process. */
  static async open(options: InstalledSeedOptions, access: SwarmAccess): Promise<InstalledSeed> {
    const { metainfo, signaturesFile, session } = options;
    const signatures = await FileSignatures.load(
      signaturesFile,
      metainfo.infoHashV2!,
      metainfo.files.length,
    );
    const seed = new InstalledSeed(options, signatures);
    await rm(repairRoot(options.root), { recursive: true, force: true });
    for (const [file, { length }] of metainfo.files.entries()) {
      if (length > 0 && !signatures.isKnown(file)) seed.#touched.add(file);
    }
    await seed.#store.installed.checkAll();
    const have = Bitfield.full(metainfo.pieceCount);
    for (const file of seed.#touched) for (const piece of seed.#piecesOf(file)) have.clear(piece);
    const torrent = session.add({
      metainfo,
      store: new HandoverStore(seed.#store),
      have,
      // What is lacking is not wanted yet: it may be there and only has to be hashed.
      wanted: have,
      swarmSecret: access.swarmSecret,
      announcer: access.announcer,
      webSeeds: access.webSeeds,
      access: access.peerAccess ?? 'members',
      ...(access.target === undefined ? {} : { target: access.target }),
    });
    seed.#begin(torrent);
    return seed;
  }

  get torrent(): Torrent {
    return this.#torrent!;
  }

  /** Files that are being put right. */
  get damaged(): number {
    return this.#inRepair.size;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelLook?.();
    await this.options.session.remove(this.torrent);
    await this.#work;
    await this.#store.close();
  }

  #begin(torrent: Torrent): void {
    this.#torrent = torrent;
    torrent.on('verified', (first, count) => this.#fetched(first, count));
    torrent.on('error', (error) => this.options.logger.warn('repair failed', { error }));
    this.#kick();
    this.#lookLater(LOOK_EVERY_MS);
  }

  /** The store will not read the file again until it is trusted; peers must not be promised it. */
  #onTouched(file: number): void {
    if (this.#inRepair.has(file)) return;
    this.#touched.add(file);
    this.#torrent?.withdraw(this.#piecesOf(file));
    if (this.#torrent) this.#kick();
  }

  #kick(): void {
    if (this.#stopped.signal.aborted) return;
    this.#work ??= this.#recheckAll().finally(() => {
      this.#work = null;
      if (this.#touched.size > 0) this.#kick();
    });
  }

  async #recheckAll(): Promise<void> {
    for (const file of this.#touched) {
      if (this.#stopped.signal.aborted) return;
      this.#touched.delete(file);
      await this.#recheck(file);
    }
    await this.#saveSignatures();
  }

  /** A file may have been touched and be right: copied back, or its times changed. */
  async #recheck(file: number): Promise<void> {
    const { hasher, metainfo, logger } = this.options;
    const { length, root } = metainfo.files[file]!;
    const path = this.#store.installed.pathOf(file);
    try {
      const { leaves, signature } = await hasher.hashFile(path, length, {
        signal: this.#stopped.signal,
      });
      if (fileRoot(leaves, length)?.equals(root!)) {
        this.#store.installed.trust(file, signature);
        this.torrent.restore(this.#piecesOf(file));
        return;
      }
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      // Gone, cut off, or no file any more.
      logger.debug('installed file cannot be hashed', { path, error });
    }
    await this.#beginRepair(file);
  }

  async #beginRepair(file: number): Promise<void> {
    const { logger, onRepair, clock, metainfo } = this.options;
    const path = this.#store.installed.pathOf(file);
    logger.warn('installed file damaged', { path });
    onRepair?.(path, 'damaged');
    this.#inRepair.add(file);
    try {
      await copyForRepair(path, this.#store.repairs.pathOf(file), metainfo.files[file]!.length);
      this.#store.beginRepair(file);
      const good = await this.#verify(file);
      this.torrent.restore(good.indices());
      this.torrent.fetch(this.#piecesOf(file).filter((piece) => !good.get(piece)));
      if (this.#piecesOf(file).every((piece) => good.get(piece))) await this.#endRepair(file);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const { code } = toFleetseedError(error);
      logger.warn('repair postponed', { path, code, error });
      this.#inRepair.delete(file);
      this.#store.endRepair(file);
      clock.setTimer(RETRY_MS, () => {
        this.#touched.add(file);
        this.#kick();
      });
    }
  }

  /** Pieces of the damaged file that are still right. */
  async #verify(file: number): Promise<Bitfield> {
    const { session, hasher } = this.options;
    const candidates = new Bitfield(this.#pieces.pieceCount);
    for (const piece of this.#piecesOf(file)) candidates.set(piece);
    return verifyPieces({
      store: this.#store.repairs,
      pieces: this.#pieces,
      candidates,
      hasher,
      buffers: session.buffers,
      signal: this.#stopped.signal,
    });
  }

  #fetched(first: number, count: number): void {
    if (this.#inRepair.size === 0) return;
    const files = new Set<number>();
    for (let piece = first; piece < first + count; piece++)
      files.add(this.#pieces.fileIndexOf(piece));
    for (const file of files) {
      const whole =
        this.#inRepair.has(file) &&
        this.#piecesOf(file).every((piece) => this.torrent.have.get(piece));
      if (!whole) continue;
      this.#endRepair(file).catch((error: unknown) => {
        const path = this.#store.installed.pathOf(file);
        this.options.logger.error('repaired file could not take its place', { path, error });
      });
    }
  }

  /** The whole file takes the place of the damaged one, at once and durably. */
  async #endRepair(file: number): Promise<void> {
    const { metainfo, hasher, logger, onRepair } = this.options;
    const { length, executable } = metainfo.files[file]!;
    const { repairs, installed } = this.#store;
    const path = installed.pathOf(file);
    await repairs.sync();
    await chmod(repairs.pathOf(file), executable ? 0o755 : 0o644);
    // Its folder may be gone, or be a link by now: nothing is ever written through one.
    const { base, below } = installed.paths.foldersOf(metainfo.files[file]!.path);
    await new FolderMaker().ensure(base, below);
    await rename(repairs.pathOf(file), path);
    await syncFolder(dirname(path));
    const { signature } = await hasher.hashFile(path, length);
    installed.trust(file, signature);
    this.#store.endRepair(file);
    this.#inRepair.delete(file);
    await this.#saveSignatures();
    logger.info('installed file repaired', { path });
    onRepair?.(path, 'repaired');
  }

  #lookLater(ms: number): void {
    this.#cancelLook = this.options.clock.setTimer(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, logger } = this.options;
    const began = clock.monotonic();
    try {
      await this.#store.installed.checkAll(this.#stopped.signal);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      logger.warn('installed files could not be looked at', { error });
    }
    const tookMs = clock.monotonic() - began;
    if (!this.#stopped.signal.aborted)
      this.#lookLater(Math.max(LOOK_EVERY_MS, tookMs / LOOK_SHARE));
  }

  async #saveSignatures(): Promise<void> {
    const { signaturesFile, metainfo, logger } = this.options;
    const { signatures } = this.#store.installed;
    await signatures.save(signaturesFile, metainfo.infoHashV2!).catch((error: unknown) => {
      // Without it the files are hashed again at the next start.
      logger.warn('signatures not saved', { error });
    });
  }

  #piecesOf(file: number): number[] {
    const { firstPiece, pieceCount } = this.options.metainfo.files[file]!;
    return Array.from({ length: pieceCount }, (_, index) => firstPiece + index);
  }
}

/** Beside the tree, so that what is repaired takes its place by rename. */
function repairRoot(root: string): string {
  return `${root}.repair`;
}

/** As much of the damaged file as may be right, where pieces can be written. */
async function copyForRepair(damaged: string, target: string, length: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  try {
    await copyFile(damaged, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(target, 0o644);
    await truncate(target, length);
  } catch {
    // Nothing is left of it: every piece is fetched.
    await rm(target, { recursive: true, force: true });
  }
}
