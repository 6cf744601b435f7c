import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { systemClock, untilAborted, type Logger } from '#lib/runtime';
import {
  accessOptions,
  DiskStore,
  HandoverStore,
  InstalledTreeStore,
  LocalContent,
  recordSignatures,
  stageArtifact,
  type Session,
  type SpanHasher,
  type SwarmAccess,
  type Torrent,
} from '#lib/swarm';

import { isThere, verifyExisting } from './existing-content.js';
import { PullDisplay } from './pull.display.js';
import type { PullBytes, PullTarget } from './pull.types.js';

/** Beside the content while it is pulled: what a pull that was cut off has, for the next one. */
const STATE_FOLDER = '.fleetseed-pull';

export interface PullRunOptions {
  readonly session: Session;
  readonly hasher: SpanHasher;
  readonly access: () => Promise<SwarmAccess>;
  readonly target: PullTarget;
  readonly display: PullDisplay;
  readonly note: (text: string) => void;
  readonly logger: Logger;
  /** Whether the session goes on seeding: then the files are watched from the first moment. */
  readonly seeding: boolean;
  readonly signal: AbortSignal;
}

export interface PulledContent {
  readonly bytes: PullBytes;
  /** False when the content stood there already. */
  readonly staged: boolean;
}

/**
 * Brings the content to its place. With `seeding` its torrent goes on in the session, and stops serving
 * a file that somebody edits.
 *
 * @throws FleetseedError ALREADY_EXISTS for something else in its place, NO_SPACE, DISK_IO …
 */
export async function runPull(options: PullRunOptions): Promise<PulledContent> {
  const { target } = options;
  return (await isThere(target.root)) ? takeUp(options) : stage(options);
}

/** Of a tree, the folder with its description is needed only by those who seed. */
export async function dropTreeMetadata({ root, metainfo }: PullTarget): Promise<void> {
  if (!metainfo.single) await rm(`${root}.meta`, { recursive: true, force: true });
}

async function stage(options: PullRunOptions): Promise<PulledContent> {
  const { session, hasher, target, display, logger, signal } = options;
  const { metainfo, root } = target;
  const stateFolder = join(dirname(root), STATE_FOLDER);
  const staged = await stageArtifact({
    session,
    hasher,
    metainfo,
    root,
    stateFolder,
    access: await options.access(),
    local: new LocalContent(),
    reserveBytes: 0,
    clock: systemClock,
    logger,
    signal,
    onProgress: ({ haveBytes }) => display.update(haveBytes),
  });
  // Another pull into the same folder may have its state there.
  await rmdir(stateFolder).catch(() => {});
  const { torrent, store, bytes } = staged;
  if (options.seeding) await store.handOver(await watched(options, torrent));
  return { bytes, staged: true };
}

async function takeUp(options: PullRunOptions): Promise<PulledContent> {
  const { session, hasher, target, display, seeding, signal } = options;
  const { metainfo, root } = target;
  const have = await verifyExisting({ session, hasher, metainfo, root, signal });
  if (have.all && !seeding) return { bytes: allReused(metainfo.length), staged: false };
  const access = await options.access();
  const store = new HandoverStore(new DiskStore(root, metainfo));
  const torrent = session.add({ ...accessOptions(access), metainfo, store, have });
  torrent.addPeers(access.peers);
  torrent.on('progress', () => display.update(torrent.progress().haveBytes));
  await untilAborted(torrent.done, signal);
  if (seeding) await store.handOver(await watched(options, torrent));
  return { bytes: bytesOf(torrent), staged: false };
}

function bytesOf(torrent: Torrent): PullBytes {
  const { bytes } = torrent.stats();
  const fromOrigin = bytes.fromOrigin + bytes.fromWebSeed;
  const fromPeers = bytes.fromPeers + bytes.fromStrangers;
  const { hashFailure, duplicate, aborted } = bytes.wasted;
  return {
    fromOrigin,
    fromPeers,
    reused: torrent.metainfo.length - fromOrigin - fromPeers,
    wasted: hashFailure + duplicate + aborted,
  };
}

function allReused(reused: number): PullBytes {
  return { fromOrigin: 0, fromPeers: 0, reused, wasted: 0 };
}

/** The installed files, whose pieces are served only while they are what was verified. */
async function watched(
  { target, note }: PullRunOptions,
  torrent: Torrent,
): Promise<InstalledTreeStore> {
  const { metainfo, root } = target;
  return new InstalledTreeStore({
    root,
    layout: metainfo,
    signatures: await recordSignatures(root, metainfo),
    clock: systemClock,
    onTouched: (file) => {
      const { path, firstPiece, pieceCount } = metainfo.files[file]!;
      note(`note: ${path.join('/')} was changed and is not seeded any more`);
      torrent.withdraw(Array.from({ length: pieceCount }, (_, at) => firstPiece + at));
    },
  });
}
