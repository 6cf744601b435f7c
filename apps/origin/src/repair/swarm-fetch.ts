import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { Depot, Place } from '#lib/depot';
import { deadline, untilAborted, type Clock, type Logger } from '#lib/runtime';
import {
  Bitfield,
  DiskStore,
  requireSpace,
  selectionOf,
  Session,
  usualReserve,
  verifyPieces,
  type HashPool,
  type PayloadStore,
} from '#lib/swarm';
import { Tracker } from '#lib/tracker';

import { ArtifactLibrary, type OpenArtifact } from '../artifacts/artifact-library.js';
import { SwarmSecrets } from '../artifacts/swarm-secrets.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { swarmIdOf } from '../tracker/artifact.index.js';
import type { LostFile } from '../verification/quarantine.js';
import { HoldersAnnouncer } from './holders.announcer.js';

export interface FetchOptions {
  readonly hasher: HashPool;
  readonly signal: AbortSignal;
  /** Bytes of the files that are right so far. */
  readonly progress: (bytes: number) => void;
}

/** A lost file that is whole again, outside the depot. */
export interface FetchedFile {
  readonly file: LostFile;
  readonly path: string;
}

export interface Fetched {
  readonly files: readonly FetchedFile[];
  readonly fetchedBytes: number;
  readonly keptBytes: number;
  /** Removes them from the disk. */
  drop(): Promise<void>;
}

const STEP = 1024 * 1024;
const CONNECTIONS = 50;
/** With nobody to fetch from, and with nothing coming. */
const PATIENCE_MS = 20_000;
const STALLED_MS = 30_000;

/** Fetches lost files from machines that have them, as one of the swarm. */
@Injectable()
export class SwarmFetch implements OnModuleInit {
  constructor(
    private readonly library: ArtifactLibrary,
    private readonly secrets: SwarmSecrets,
    private readonly tracker: Tracker,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** What a process that was killed had fetched: nobody may ask for it again. */
  async onModuleInit(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * What is still right of a damaged file is used; only its bad pieces travel.
   * @returns the files that are whole now: all, or those that somebody had
   * @throws NO_SPACE, DISK_IO, the signal's reason
   */
  async fetch(
    artifact: string,
    lost: readonly LostFile[],
    options: FetchOptions,
  ): Promise<Fetched> {
    const opened = await this.library.open(artifact);
    const folder = join(this.#folder, artifact);
    await rm(folder, { recursive: true, force: true });
    const bytes = lost.reduce((sum, { length }) => sum + length, 0);
    await requireSpace(folder, bytes, await usualReserve(this.config.data));
    const store = new DiskStore(join(folder, 'content'), opened.metainfo, {
      smallFiles: options.hasher.smallFiles,
    });
    const drop = () => rm(folder, { recursive: true, force: true });
    try {
      return { ...(await this.#fill(opened, lost, store, options)), drop };
    } catch (error) {
      await drop();
      throw error;
    } finally {
      await store.close();
    }
  }

  get #folder(): string {
    return join(this.config.data, 'repair');
  }

  async #fill(
    { artifact, metainfo, pieces }: OpenArtifact,
    lost: readonly LostFile[],
    store: DiskStore,
    { hasher, signal, progress }: FetchOptions,
  ): Promise<Omit<Fetched, 'drop'>> {
    const found = filesOf(metainfo.files, lost);
    for (const { file, offset } of found)
      await this.#copyDamaged(file.damaged, store, offset, signal);
    const wanted = selectionOf(metainfo, new Set(found.map(({ index }) => index)));
    const { clock, logger } = this;
    const session = new Session({ hasher, clock, logger, maxConnections: CONNECTIONS });
    try {
      const { buffers } = session;
      const candidates = wanted.pieces;
      const have = await verifyPieces({ store, pieces, candidates, hasher, buffers, signal });
      const keptBytes = bytesOf(have, pieces);
      const torrent = session.add({
        metainfo,
        store,
        have,
        wanted: wanted.pieces,
        swarmSecret: this.secrets.of(artifact),
        announcer: new HoldersAnnouncer(this.tracker, swarmIdOf(artifact)),
        timeouts: { stalledMs: STALLED_MS },
      });
      const nobody = Promise.withResolvers<never>();
      const stop = () => nobody.reject(noPeers());
      const cancel = clock.setTimer(PATIENCE_MS, () => {
        if (torrent.stats().neighbours.length === 0) stop();
      });
      const tell = () => progress(torrent.progress().haveBytes);
      torrent.on('stalled', stop).on('progress', tell);
      try {
        await untilAborted(Promise.race([torrent.done, nobody.promise]), signal);
      } catch (error) {
        // Some of the files may be whole all the same.
        signal.throwIfAborted();
        logger.info('not all that was lost could be fetched', { artifact, error });
      } finally {
        cancel();
        torrent.off('stalled', stop).off('progress', tell);
      }
      const right = torrent.have.clone();
      await session.remove(torrent);
      await store.sync();
      const files = found
        .filter(({ firstPiece, pieceCount }) => right.hasRange(firstPiece, pieceCount))
        .map(({ file, index }) => ({ file, path: store.pathOf(index) }));
      return { files, keptBytes, fetchedBytes: Math.max(0, bytesOf(right, pieces) - keptBytes) };
    } finally {
      await untilAborted(session.close(), deadline(5000)).catch(() => undefined);
    }
  }

  /** As far as it can be read: bytes that are lacking or wrong are fetched. */
  async #copyDamaged(
    { object, offset, length }: Place,
    store: PayloadStore,
    target: number,
    signal: AbortSignal,
  ): Promise<void> {
    for (let at = 0; at < length; at += STEP) {
      signal.throwIfAborted();
      const count = Math.min(STEP, length - at);
      try {
        const bytes = await this.depot.readObject(object, { offset: offset + at, length: count });
        await store.write(target + at, bytes);
      } catch (error) {
        if (!(error instanceof FleetseedError) || !UNREADABLE.has(error.code)) throw error;
      }
    }
  }
}

const UNREADABLE = new Set(['NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'DISK_IO']);

interface Found {
  readonly file: LostFile;
  readonly index: number;
  readonly firstPiece: number;
  readonly pieceCount: number;
  /** In the payload, bytes. */
  readonly offset: number;
}

/** Where the lost files are in an artifact; of several copies of one the first. */
function filesOf(files: OpenArtifact['metainfo']['files'], lost: readonly LostFile[]): Found[] {
  const byRoot = new Map(lost.map((file) => [file.root, file]));
  const found: Found[] = [];
  let offset = 0;
  for (const [index, { root, length, firstPiece, pieceCount }] of files.entries()) {
    const file = root ? byRoot.get(root.toString('hex')) : undefined;
    if (file && byRoot.delete(file.root))
      found.push({ file, index, firstPiece, pieceCount, offset });
    offset += length;
  }
  return found;
}

function bytesOf(have: Bitfield, pieces: OpenArtifact['pieces']): number {
  let bytes = 0;
  for (const piece of have.indices()) bytes += pieces.lengthOf(piece);
  return bytes;
}

function noPeers(): FleetseedError {
  return new FleetseedError('NO_PEERS', 'No machine that can be reached has it.');
}
