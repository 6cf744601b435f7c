import { rm } from 'node:fs/promises';

import type { FleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import type { Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { DiskStore } from '../disk/disk-store.js';
import { FileSignatures } from '../disk/file-signatures.js';
import { InstalledTreeStore, recordSignatures } from '../disk/installed-tree.store.js';
import type { HashPool } from '../hashing/hash-pool.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import { FileRepairs } from './file-repairs.js';
import { HandoverStore } from './handover.store.js';
import type { InspectionRounds } from './inspection-rounds.js';
import { RepairingStore } from './repairing.store.js';
import { accessOptions, type SwarmAccess } from './swarm-access.js';

export interface InstalledSeedOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfo: Metainfo;
  /** Where the artifact stands: its folder, or its file when it is one file. */
  readonly root: string;
  /** Where it is remembered what the files looked like when they were right. */
  readonly signaturesFile: string;
  /** Shared by all seeds of a process. */
  readonly rounds: InspectionRounds;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The torrent ended by itself, because the disk failed: this seed is of no more use. */
  readonly onFailed?: () => void;
}

const RETRY_MS = 10_000;

/**
 * Seeds an artifact from where it is installed, and keeps it as it was installed: a file that people or
 * programs changed is not served, is hashed again, and when it is damaged it is put right.
 */
export class InstalledSeed {
  readonly #store: RepairingStore;
  readonly #repairs: FileRepairs;
  /** Files to be hashed: they changed, or nothing is known of them. */
  readonly #touched = new Set<number>();
  readonly #retries = new Set<() => void>();
  readonly #stopped = new AbortController();
  #torrent: Torrent | null = null;
  #work: Promise<void> | null = null;
  #endLooking: () => void = () => {};

  private constructor(
    private readonly options: InstalledSeedOptions,
    signatures: FileSignatures,
  ) {
    const { hasher, metainfo, root, clock } = options;
    const onTouched = (file: number) => this.#onTouched(file);
    const installed = new InstalledTreeStore({
      root,
      layout: metainfo,
      signatures,
      clock,
      onTouched,
      smallFiles: hasher.smallFiles,
    });
    const repairs = new DiskStore(repairRoot(root), metainfo);
    this.#store = new RepairingStore(installed, repairs, metainfo.files);
    this.#repairs = new FileRepairs({
      ...options,
      store: this.#store,
      torrent: () => this.torrent,
      signal: this.#stopped.signal,
      replaced: (file) => this.#recheckSoon(file),
      postponed: (file, error) => this.#postponed(file, error),
    });
    for (const [file, { length }] of metainfo.files.entries()) {
      if (length > 0 && !signatures.isKnown(file)) this.#touched.add(file);
    }
  }

  /** Takes over from a stage that has just finished: its torrent goes on without a break. */
  static async afterStage(
    options: InstalledSeedOptions,
    torrent: Torrent,
    store: HandoverStore,
  ): Promise<InstalledSeed> {
    const { root, metainfo, hasher } = options;
    const signatures = await recordSignatures(root, metainfo, hasher.smallFiles);
    const seed = new InstalledSeed(options, signatures);
    await seed.#saveSignatures();
    await store.handOver(seed.#store);
    for (const file of seed.#touched) torrent.withdraw(seed.#piecesOf(file));
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
    await seed.#removeRepairs();
    await seed.#store.installed.checkAll();
    const have = Bitfield.full(metainfo.pieceCount);
    for (const file of seed.#touched) for (const piece of seed.#piecesOf(file)) have.clear(piece);
    const store = new HandoverStore(seed.#store);
    // What is lacking is not wanted yet: it may be there and only has to be hashed.
    const torrent = session.add({ ...accessOptions(access), metainfo, store, have, wanted: have });
    seed.#begin(torrent);
    return seed;
  }

  get torrent(): Torrent {
    return this.#torrent!;
  }

  /** Files that are being put right. */
  get damaged(): number {
    return this.#repairs.count;
  }

  /** Looks at all files now. @returns whether every one is as it was verified */
  async check(signal: AbortSignal): Promise<boolean> {
    await this.#store.installed.checkAll(signal);
    return this.torrent.have.all && this.#touched.size === 0;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#endLooking();
    for (const cancel of this.#retries) cancel();
    await this.options.session.remove(this.torrent);
    await this.#work;
    await this.#repairs.close();
    await this.#store.close();
    await this.#removeRepairs();
  }

  #begin(torrent: Torrent): void {
    const { logger, onFailed, rounds } = this.options;
    this.#torrent = torrent;
    torrent.on('verified', (first, count) => this.#repairs.fetched(first, count));
    torrent.on('error', (error) => {
      logger.warn('seeding failed', { code: error.code, error });
      onFailed?.();
    });
    this.#kick();
    this.#endLooking = rounds.add(() => this.#look());
  }

  /** The store will not read the file again until it is trusted; peers must not be promised it. */
  #onTouched(file: number): void {
    if (this.#repairs.has(file)) return;
    this.#torrent?.withdraw(this.#piecesOf(file));
    this.#recheckSoon(file);
  }

  #recheckSoon(file: number): void {
    this.#touched.add(file);
    if (this.#torrent) this.#kick();
  }

  #kick(): void {
    if (this.#stopped.signal.aborted || this.#touched.size === 0) return;
    this.#work ??= this.#recheckAll().finally(() => {
      this.#work = null;
      this.#kick();
    });
  }

  async #recheckAll(): Promise<void> {
    for (const file of this.#touched) {
      if (this.#stopped.signal.aborted) return;
      await this.#recheck(file);
    }
    await this.#saveSignatures();
  }

  /** A file may have been touched and be right: copied back, repaired, or its times changed. */
  async #recheck(file: number): Promise<void> {
    const { hasher, metainfo, logger } = this.options;
    const { length, root } = metainfo.files[file]!;
    const { signal } = this.#stopped;
    const path = this.#store.installed.pathOf(file);
    this.#touched.delete(file);
    try {
      const { root: found, signature } = await hasher.hashFile(path, length, { signal });
      if (found?.equals(root!)) {
        this.#store.installed.trust(file, signature);
        this.torrent.restore(this.#piecesOf(file));
        logger.info('installed file is right', { path });
        return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // Gone, cut off, or no file any more.
      logger.debug('installed file cannot be hashed', { path, error });
    }
    logger.warn('installed file damaged', { path });
    await this.#repairs.begin(file);
  }

  #postponed(file: number, error: FleetseedError): void {
    const { clock, logger } = this.options;
    const path = this.#store.installed.pathOf(file);
    logger.warn('repair postponed', { path, code: error.code, error });
    const cancel = clock.setTimer(RETRY_MS, () => {
      this.#retries.delete(cancel);
      this.#recheckSoon(file);
    });
    this.#retries.add(cancel);
  }

  /** Files that are kept open for peers are closed along with it: who asks again opens them again. */
  async #look(): Promise<void> {
    try {
      await this.#store.installed.checkAll(this.#stopped.signal);
      await this.#store.rest();
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.options.logger.warn('installed files could not be looked at', { error });
    }
  }

  async #saveSignatures(): Promise<void> {
    const { signaturesFile, metainfo, logger } = this.options;
    const { signatures } = this.#store.installed;
    await signatures.save(signaturesFile, metainfo.infoHashV2!).catch((error: unknown) => {
      // Without it the files are hashed again at the next start.
      logger.warn('signatures not saved', { error });
    });
  }

  async #removeRepairs(): Promise<void> {
    const { root, metaRoot } = this.#store.repairs.paths;
    for (const path of [root, metaRoot]) await rm(path, { recursive: true, force: true });
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
