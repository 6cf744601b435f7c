import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { systemClock, type Logger } from '#lib/runtime';
import {
  accessOptions,
  DiskStore,
  HandoverStore,
  inspectInstalled,
  InstalledTreeStore,
  LocalContent,
  recordSignatures,
  selectionOf,
  stageArtifact,
  type Bitfield,
  type Selection,
  type Session,
  type HashPool,
  type StagedArtifact,
  type SwarmAccess,
  type Torrent,
} from '#lib/swarm';

import { everything, finishExisting, inTheWay, isThere, requireOurs } from './existing-content.js';
import { PullDisplay } from './pull.display.js';
import type { BadFile, PullBytes, PullTarget } from './pull.types.js';

/** Beside the content while it is pulled: what a pull that was cut off has, for the next one. */
const STATE_FOLDER = '.fleetseed-pull';

export interface PullRunOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly access: () => Promise<SwarmAccess>;
  readonly target: PullTarget;
  /** What of it is pulled; null for all. */
  readonly selection: Selection | null;
  /** Files that stand there and are not right are put right; else they end the pull. */
  readonly repairing: boolean;
  readonly display: PullDisplay;
  readonly note: (text: string) => void;
  readonly logger: Logger;
  /** Whether the session goes on seeding: then the files are watched from the first moment. */
  readonly seeding: boolean;
  readonly signal: AbortSignal;
}

export interface PulledContent {
  /** Where all that was asked for comes from. */
  readonly bytes: PullBytes;
  /** What this pull brought, for the ledger; null when everything stood there already. */
  readonly staged: { readonly delivered: number; readonly bytes: PullBytes } | null;
  /** Files that stood there and were not right. */
  readonly bad: readonly BadFile[];
}

/**
 * Brings the content to its place. With `seeding` its torrent goes on in the session, and stops serving
 * a file that somebody edits.
 *
 * @throws FleetseedError ALREADY_EXISTS for something else in its place, NO_SPACE, DISK_IO …
 */
export async function runPull(options: PullRunOptions): Promise<PulledContent> {
  const { target, selection, seeding } = options;
  if (await isThere(target.root)) return takeUp(options);
  const { torrent, store, bytes } = await stage(options, selection);
  if (seeding) await store.handOver(await watched(options, torrent));
  const delivered = selection?.bytes ?? target.metainfo.length;
  return { bytes, staged: { delivered, bytes }, bad: [] };
}

/** Of a tree, the folder with its description is needed only by those who seed. */
export async function dropTreeMetadata({ root, metainfo }: PullTarget): Promise<void> {
  if (!metainfo.single) await rm(`${root}.meta`, { recursive: true, force: true });
}

async function stage(
  options: PullRunOptions,
  selection: Selection | null,
  local = new LocalContent(),
): Promise<StagedArtifact> {
  const { session, hasher, target, display, logger, signal } = options;
  const { metainfo, root } = target;
  const stateFolder = join(dirname(root), STATE_FOLDER);
  const wanted = options.selection?.bytes ?? metainfo.length;
  const besides = wanted - (selection?.bytes ?? metainfo.length);
  const staged = await stageArtifact({
    session,
    hasher,
    metainfo,
    root,
    ...(selection ? { selection } : {}),
    stateFolder,
    access: await options.access(),
    local,
    reserveBytes: 0,
    clock: systemClock,
    logger,
    signal,
    onProgress: ({ haveBytes }) => display.update(besides + haveBytes),
  });
  // Another pull into the same folder may have its state there.
  await rmdir(stateFolder).catch(() => {});
  return staged;
}

/** Something stands there: what is right of it stays, the rest is put together beside it. */
async function takeUp(options: PullRunOptions): Promise<PulledContent> {
  const { target, selection, repairing, seeding, note } = options;
  const { metainfo, root } = target;
  await requireOurs(target);
  const wanted = selection ?? everything(target);
  const { have, wrong, absent } = await inspectInstalled({
    ...options,
    metainfo,
    root,
    selection: wanted,
  });
  const bad = wrong.map(({ file, badBytes }) => ({
    path: metainfo.files[file]!.path.join('/'),
    badBytes,
  }));
  if (bad.length > 0 && !repairing) throw inTheWay(root, bad[0]!.path);
  for (const { path, badBytes } of bad) {
    note(`bad: ${path} (${badBytes === 0 ? 'its length' : `${badBytes} bytes`})`);
  }

  const files = new Set([...absent, ...wrong.map(({ file }) => file)]);
  const lacking = files.size > 0 ? selectionOf(metainfo, files) : null;
  const brought = lacking ? await fill(options, lacking) : null;
  await finishExisting(target, wanted);
  if (seeding) {
    for (const piece of lacking?.pieces.indices() ?? []) have.set(piece);
    await seedFrom(options, have);
  }
  const { fromOrigin, fromPeers, wasted } = brought ?? NOTHING;
  const reused = Math.max(0, wanted.bytes - fromOrigin - fromPeers);
  const staged = lacking && brought ? { delivered: lacking.bytes, bytes: brought } : null;
  return { bytes: { fromOrigin, fromPeers, reused, wasted }, staged, bad };
}

const NOTHING: PullBytes = { fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 0 };

/** What is right of a damaged file is used: only its bad pieces travel. */
async function fill(options: PullRunOptions, lacking: Selection): Promise<PullBytes> {
  const { session, target } = options;
  const local = new LocalContent();
  local.add(target.root, target.metainfo);
  const { torrent, store, bytes } = await stage(options, lacking, local);
  await session.remove(torrent);
  await store.close();
  return bytes;
}

/** What stands there is seeded, as far as it does. */
async function seedFrom(options: PullRunOptions, have: Bitfield): Promise<void> {
  const { session, target, hasher } = options;
  const { metainfo, root } = target;
  const access = await options.access();
  const store = new HandoverStore(new DiskStore(root, metainfo, { smallFiles: hasher.smallFiles }));
  const torrent = session.add({ ...accessOptions(access), metainfo, store, have, wanted: have });
  await store.handOver(await watched(options, torrent));
}

/** The installed files, whose pieces are served only while they are what was verified. */
async function watched(
  { target, hasher, note }: PullRunOptions,
  torrent: Torrent,
): Promise<InstalledTreeStore> {
  const { metainfo, root } = target;
  return new InstalledTreeStore({
    root,
    layout: metainfo,
    signatures: await recordSignatures(root, metainfo, hasher.smallFiles),
    smallFiles: hasher.smallFiles,
    clock: systemClock,
    onTouched: (file) => {
      const { path, firstPiece, pieceCount } = metainfo.files[file]!;
      if (!torrent.have.hasRange(firstPiece, pieceCount)) return;
      note(`note: ${path.join('/')} was changed and is not seeded any more`);
      torrent.withdraw(Array.from({ length: pieceCount }, (_, at) => firstPiece + at));
    },
  });
}
