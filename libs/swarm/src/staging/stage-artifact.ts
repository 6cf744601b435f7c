import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { systemErrorCode } from '#lib/contracts';
import { syncFolder, type Clock, type Logger } from '#lib/runtime';
import { PieceMap, type Metainfo } from '#lib/torrent';

import type { Announcer, PeerAddress } from '../announce/announcer.js';
import { Bitfield } from '../bitfield.js';
import { diskError } from '../disk/disk-errors.js';
import { DiskStore } from '../disk/disk-store.js';
import { finishTree, readTreeDocument } from '../disk/finish-tree.js';
import { requireSpace, usualReserve } from '../disk/free-space.js';
import { lstatPath } from '../disk/raw-file.js';
import { ResumeFile } from '../disk/resume-file.js';
import type { SpanHasher } from '../hashing/span-hasher.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import type { PeerAccess, WebSeed } from '../torrent/torrent.types.js';
import { HandoverStore } from './handover.store.js';
import type { LocalContent } from './local-content.js';
import { reuseLocal } from './reuse-local.js';
import { NO_BYTES, StageAccount, type StageBytes } from './stage-account.js';

/** How to take part in the swarm of an artifact. */
export interface SwarmAccess {
  readonly announcer: Announcer;
  readonly webSeeds: readonly WebSeed[];
  readonly swarmSecret: Buffer | null;
  /** 'members' by default. */
  readonly peerAccess?: PeerAccess;
  /** Peers that are known without asking a tracker: origins. */
  readonly peers: readonly PeerAddress[];
  /** Target id, told to members. */
  readonly target?: string;
}

export interface StageOptions {
  readonly session: Session;
  readonly hasher: SpanHasher;
  readonly metainfo: Metainfo;
  /** Where the artifact is to stand: its folder, or its file when it is one file. */
  readonly root: string;
  /**
   * What gets its final name by the rename at the end; `root` by default. A folder above `root` when
   * one file is to appear together with the folder that it lies in.
   */
  readonly container?: string;
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
    const { metainfo, root, container = root, stateFolder, clock, logger } = options;
    this.#container = container;
    this.#partialRoot = join(partialOf(container), relative(container, root));
    this.store = new HandoverStore(new DiskStore(this.#partialRoot, metainfo));
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
    const { stateFolder, root, metainfo, clock } = options;
    await mkdir(stateFolder, { recursive: true });
    await mkdir(dirname(root), { recursive: true });
    const path = statePath(stateFolder, metainfo, 'account');
    return new Stage(options, await StageAccount.open(path, clock));
  }

  async download(): Promise<Torrent> {
    const { session, metainfo, access, signal, onProgress } = this.options;
    const have = await this.#collect();
    const torrent = session.add({
      metainfo,
      store: this.store,
      have,
      swarmSecret: access.swarmSecret,
      announcer: access.announcer,
      webSeeds: access.webSeeds,
      access: access.peerAccess ?? 'members',
      ...(access.target === undefined ? {} : { target: access.target }),
    });
    this.#torrent = torrent;
    torrent.on('verified', () => {
      this.#resume.changed(torrent.have);
      this.account.changed();
    });
    torrent.on('progress', () => {
      const { haveBytes, downRate } = torrent.progress();
      onProgress?.({ haveBytes, bytesPerSecond: downRate });
    });
    // Whoever ordered the stage decides what becomes of it, and can say why nothing moves.
    const full = Promise.withResolvers<never>();
    torrent.on('disk-full', full.reject);
    torrent.addPeers(access.peers);
    await untilAborted(Promise.race([torrent.done, full.promise]), signal);
    return torrent;
  }

  async install(): Promise<void> {
    const { metainfo, root } = this.options;
    const container = this.#container;
    const partial = partialOf(container);
    const document = await readTreeDocument(this.#partialRoot, metainfo);
    await finishTree(this.#partialRoot, metainfo, document);
    if (container !== root) await syncFolder(partial);
    // What describes the tree goes first: when the tree has its name, everything is there.
    await renameIfThere(`${partial}.meta`, `${container}.meta`);
    await rename(partial, container).catch((error: unknown) => {
      throw diskError(error, container);
    });
    await syncFolder(dirname(container));
    await this.store.handOver(new DiskStore(root, metainfo));
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

  /** What is on this machine: verified by an earlier try, or found and verified now. */
  async #collect(): Promise<Bitfield> {
    const { metainfo, local, signal } = this.options;
    const claimed = await this.#claimed();
    // Before anything is hashed, too: a stage that waits for room is tried again and again.
    await this.#requireSpaceBeside(claimed);
    const have = await this.#verify(claimed);
    await this.#requireSpaceBeside(have);
    const found = new Bitfield(this.#pieces.pieceCount);
    const ranges = await reuseLocal({ root: this.#partialRoot, metainfo, local, have, signal });
    for (const { first, count } of ranges) found.setRange(first, count);
    const right = await this.#verify(found);
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

  async #requireSpaceBeside(pieces: Bitfield): Promise<void> {
    const { metainfo, reserveBytes } = this.options;
    const lacking = metainfo.length - this.#bytesOf(pieces);
    const folder = dirname(this.#container);
    await requireSpace(folder, lacking, reserveBytes ?? (await usualReserve(folder)));
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

function statePath(folder: string, metainfo: Metainfo, kind: 'resume' | 'account'): string {
  return join(folder, `${metainfo.infoHashV2!.toString('hex')}.${kind}`);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw diskError(error, to);
  }
}

async function untilAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([done, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
