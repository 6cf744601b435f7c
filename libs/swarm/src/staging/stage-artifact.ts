import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { systemErrorCode } from '#lib/contracts';
import { repeat, syncFolder, untilAborted, type Clock, type Logger } from '#lib/runtime';
import { PieceMap, type Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { diskError } from '../disk/disk-errors.js';
import { DiskStore } from '../disk/disk-store.js';
import { finishTree, readTreeDocument } from '../disk/finish-tree.js';
import { requireSpace, usualReserve } from '../disk/free-space.js';
import { lstatPath } from '../disk/raw-file.js';
import { ResumeFile } from '../disk/resume-file.js';
import { planTree } from '../disk/tree-plan.js';
import type { HashPool } from '../hashing/hash-pool.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import { HandoverStore } from './handover.store.js';
import type { LocalContent } from './local-content.js';
import { placeSelection } from './place-selection.js';
import { reuseLocal } from './reuse-local.js';
import type { Selection } from './selection.js';
import { NO_BYTES, StageAccount, type StageBytes } from './stage-account.js';
import { statePath } from './stage-state.js';
import { accessOptions, type SwarmAccess } from './swarm-access.js';

export interface StageOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfo: Metainfo;
  /** Where the artifact is to stand: its folder, or its file when it is one file. */
  readonly root: string;
  /**
   * What gets its final name by the rename at the end; `root` by default. A folder above `root` when
   * one file is to appear together with the folder that it lies in.
   */
  readonly container?: string;
  /**
   * What of it is wanted; all by default. Then each file that is whole gets its place by a rename of
   * its own, beside what stands at `root` already; `container` must be `root`.
   */
  readonly selection?: Selection;
  /** Folder for what must survive a kill: which pieces are there, and where they came from. */
  readonly stateFolder: string;
  readonly access: SwarmAccess;
  /** What the machine holds already. */
  readonly local: LocalContent;
  /** Bytes of free disk that must be left over; null for the usual reserve. */
  readonly reserveBytes: number | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Called a few times a second; `haveBytes` of the artifact are verified. */
  readonly onProgress?: (progress: { haveBytes: number; bytesPerSecond: number }) => void;
}

export interface StagedArtifact {
  /** Goes on seeding, from where the artifact stands now. */
  readonly torrent: Torrent;
  /** What the torrent reads from; to be handed over to a store that watches the installed files. */
  readonly store: HandoverStore;
  readonly bytes: StageBytes;
  readonly seconds: number;
}

/** How often it is looked whether others leave the machine its reserve, milliseconds. */
const RESERVE_LOOK_MS = 2_000;
/** The file system's own books take some of it, for which nobody is to blame. */
const RESERVE_MARGIN = 0.75;

/**
 * Brings an artifact onto this machine: what an earlier try verified, what the machine holds already,
 * and the rest from the swarm; then finishes the tree, makes it durable and gives it its name. Until
 * that rename nothing stands under the final name.
 *
 * @throws FleetseedError NO_SPACE, DISK_IO, UNPACK_REFUSED …, or the signal's reason. What was verified
 *   is kept under `<container>.partial` for the next try.
 */
export async function stageArtifact(options: StageOptions): Promise<StagedArtifact> {
  const { clock, signal, root } = options;
  const began = clock.monotonic();
  signal.throwIfAborted();
  const stage = await Stage.open(options);
  try {
    const torrent = await stage.download();
    await stage.install();
    const { store, account } = stage;
    const bytes = account.total;
    await stage.forgetState();
    return { torrent, store, bytes, seconds: (clock.monotonic() - began) / 1000 };
  } catch (error) {
    await stage.abandon();
    options.logger.debug('stage interrupted', { root, error });
    throw error;
  }
}

/** The name of an artifact's container until everything in it is there. */
export function partialOf(container: string): string {
  return `${container}.partial`;
}

class Stage {
  readonly store: HandoverStore;
  readonly #container: string;
  readonly #partialRoot: string;
  readonly #pieces: PieceMap;
  readonly #resume: ResumeFile;
  #torrent: Torrent | null = null;
  #reused = 0;

  private constructor(
    private readonly options: StageOptions,
    readonly account: StageAccount,
  ) {
    const { hasher, metainfo, root, container = root, stateFolder, clock, logger } = options;
    this.#container = container;
    this.#partialRoot = join(partialOf(container), relative(container, root));
    this.store = new HandoverStore(
      new DiskStore(this.#partialRoot, metainfo, { smallFiles: hasher.smallFiles }),
    );
    this.#pieces = new PieceMap(metainfo);
    this.#resume = new ResumeFile({
      path: statePath(stateFolder, metainfo, 'resume'),
      infoHashV2: metainfo.infoHashV2!,
      clock,
      logger,
    });
    account.follow(() => this.#received());
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { stateFolder, root, container = root, metainfo, clock } = options;
    // What the metainfo alone shows to be unsafe is refused before anything is written.
    planTree(metainfo, null);
    await mkdir(stateFolder, { recursive: true });
    await mkdir(dirname(container), { recursive: true });
    const path = statePath(stateFolder, metainfo, 'account');
    return new Stage(options, await StageAccount.open(path, clock));
  }

  async download(): Promise<Torrent> {
    const { session, metainfo, access, signal } = this.options;
    const have = await this.#collect();
    signal.throwIfAborted();
    const wanted = this.options.selection?.pieces;
    const torrent = session.add({
      ...accessOptions(access),
      metainfo,
      store: this.store,
      have,
      ...(wanted ? { wanted } : {}),
    });
    this.#torrent = torrent;
    // Whoever ordered the stage decides what becomes of it, and can say why nothing moves.
    const full = Promise.withResolvers<never>();
    const unfollow = this.#follow(torrent, full.reject);
    try {
      torrent.addPeers(access.peers);
      await untilAborted(Promise.race([torrent.done, full.promise]), signal);
    } finally {
      // The torrent goes on: what it repairs later is no part of this stage.
      unfollow();
    }
    return torrent;
  }

  async install(): Promise<void> {
    const { hasher, metainfo, root, selection } = this.options;
    const container = this.#container;
    if (selection) {
      await this.store.sync();
      await placeSelection({ partial: this.#partialRoot, root, metainfo, selection });
      await this.store.handOver(new DiskStore(root, metainfo, { smallFiles: hasher.smallFiles }));
      return;
    }
    const partial = partialOf(container);
    const document = await readTreeDocument(this.#partialRoot, metainfo);
    await finishTree(this.#partialRoot, metainfo, document, { smallFiles: hasher.smallFiles });
    if (container !== root) await syncFolder(partial);
    // What describes the tree goes first: when the tree has its name, everything is there.
    await renameIfThere(`${partial}.meta`, `${container}.meta`);
    await rename(partial, container).catch((error: unknown) => {
      throw diskError(error, container);
    });
    // At once: peers are being served, and the files have another path now.
    await this.store.handOver(new DiskStore(root, metainfo, { smallFiles: hasher.smallFiles }));
    await syncFolder(dirname(container));
  }

  async forgetState(): Promise<void> {
    await this.#resume.remove();
    await this.account.remove();
  }

  async abandon(): Promise<void> {
    const { session } = this.options;
    if (this.#torrent) await session.remove(this.#torrent);
    await this.#resume.close();
    await this.account.close();
    await this.store.close();
  }

  /** @returns what ends it */
  #follow(torrent: Torrent, full: (error: unknown) => void): () => void {
    const { clock, onProgress } = this.options;
    const verified = () => {
      this.#resume.changed(torrent.have);
      this.account.changed();
    };
    const progress = () => {
      const { haveBytes, downRate } = torrent.progress();
      onProgress?.({ haveBytes, bytesPerSecond: downRate });
    };
    torrent.on('verified', verified);
    torrent.on('progress', progress);
    torrent.on('disk-full', full);
    const look = () => this.#requireSpace(0, RESERVE_MARGIN);
    const endLooking = repeat(look, { clock, pauseMs: RESERVE_LOOK_MS, onError: full });
    return () => {
      endLooking();
      torrent.off('verified', verified);
      torrent.off('progress', progress);
      torrent.off('disk-full', full);
    };
  }

  /** What is on this machine: verified by an earlier try, or found and verified now. */
  async #collect(): Promise<Bitfield> {
    const { hasher, metainfo, local, selection, signal } = this.options;
    const claimed = await this.#claimed();
    if (selection) keepCommon(claimed, selection.pieces);
    // Before anything is hashed, too: a stage that waits for room is tried again and again.
    await this.#requireSpaceBeside(claimed);
    const have = await this.#verify(claimed);
    this.account.keepOnly(this.#bytesOf(have));
    await this.#requireSpaceBeside(have);
    const { verified, likely } = await reuseLocal({
      root: this.#partialRoot,
      metainfo,
      local,
      have,
      ...(selection ? { files: selection.files } : {}),
      smallFiles: hasher.smallFiles,
      signal,
    });
    const right = await this.#verify(this.#setOf(likely));
    for (const { first, count } of verified) right.setRange(first, count);
    this.#reused = this.#bytesOf(right);
    for (const piece of right.indices()) have.set(piece);
    this.#resume.changed(have);
    return have;
  }

  /** What the resume file claims; without one, everything that lies there may be right. */
  async #claimed(): Promise<Bitfield> {
    const { pieceCount } = this.#pieces;
    const claimed = await this.#resume.load(pieceCount);
    const isThere = (await lstatPath(this.#partialRoot)) !== null;
    return claimed.none && isThere ? Bitfield.full(pieceCount) : claimed;
  }

  async #verify(candidates: Bitfield): Promise<Bitfield> {
    if (candidates.none) return candidates;
    const { session, hasher, signal } = this.options;
    const { buffers } = session;
    const { store } = this;
    return verifyPieces({ store, pieces: this.#pieces, candidates, hasher, buffers, signal });
  }

  #setOf(ranges: readonly { first: number; count: number }[]): Bitfield {
    const set = new Bitfield(this.#pieces.pieceCount);
    for (const { first, count } of ranges) set.setRange(first, count);
    return set;
  }

  async #requireSpaceBeside(pieces: Bitfield): Promise<void> {
    const { selection, metainfo } = this.options;
    if (!selection) return this.#requireSpace(metainfo.length - this.#bytesOf(pieces), 1);
    const lacking = selection.pieces.clone();
    for (const piece of pieces.indices()) lacking.clear(piece);
    return this.#requireSpace(this.#bytesOf(lacking), 1);
  }

  /** @param share of the reserve that must be left */
  async #requireSpace(bytes: number, share: number): Promise<void> {
    const folder = dirname(this.#container);
    const reserve = this.options.reserveBytes ?? (await usualReserve(folder));
    await requireSpace(folder, bytes, Math.floor(reserve * share));
  }

  #bytesOf(pieces: Bitfield): number {
    let bytes = 0;
    for (const piece of pieces.indices()) bytes += this.#pieces.lengthOf(piece);
    return bytes;
  }

  #received(): StageBytes {
    if (!this.#torrent) return { ...NO_BYTES, reused: this.#reused };
    const { bytes } = this.#torrent.stats();
    const { hashFailure, duplicate, aborted } = bytes.wasted;
    return {
      fromOrigin: bytes.fromOrigin + bytes.fromWebSeed,
      fromPeers: bytes.fromPeers + bytes.fromStrangers,
      reused: this.#reused,
      wasted: hashFailure + duplicate + aborted,
    };
  }
}

/** Takes out of a set what is not in the other. */
function keepCommon(set: Bitfield, other: Bitfield): void {
  for (const piece of other.missing()) set.clear(piece);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw diskError(error, to);
  }
}
