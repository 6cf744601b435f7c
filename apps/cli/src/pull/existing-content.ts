import { lstat } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import {
  Bitfield,
  DiskStore,
  finishTree,
  readTreeDocument,
  verifyPieces,
  type Session,
  type SpanHasher,
} from '#lib/swarm';
import { PieceMap, type Metainfo } from '#lib/torrent';

/** Payload that describes the tree and does not stand in it; it may be fetched again. */
const META_FOLDER = '.fleetseed';

/** Whether anything stands at a path, a link that leads nowhere included. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw new FleetseedError('DISK_IO', `${path} cannot be read.`, { path }, { cause: error });
  }
}

export interface ExistingOptions {
  readonly session: Session;
  readonly hasher: SpanHasher;
  readonly metainfo: Metainfo;
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * Looks at what stands where the content is to go. If it is that content, it stays, and the pieces
 * that are right are told; anything else is not ours to replace.
 *
 * @throws FleetseedError ALREADY_EXISTS
 */
export async function verifyExisting(options: ExistingOptions): Promise<Bitfield> {
  const { session, hasher, metainfo, root, signal } = options;
  const pieces = new PieceMap(metainfo);
  const store = new DiskStore(root, metainfo);
  const { buffers } = session;
  const candidates = Bitfield.full(pieces.pieceCount);
  try {
    const right = await verifyPieces({ store, pieces, candidates, hasher, buffers, signal });
    const wrong = metainfo.files.find(
      ({ path, firstPiece, pieceCount }) =>
        path[0] !== META_FOLDER && !right.hasRange(firstPiece, pieceCount),
    );
    if (wrong) throw inTheWay(root, wrong.path);
    // The rest of the tree: modes, empty files and folders, links.
    if (right.all) await finishTree(root, metainfo, await readTreeDocument(root, metainfo));
    return right;
  } finally {
    await store.close();
  }
}

function inTheWay(root: string, path: readonly string[]): FleetseedError {
  return new FleetseedError(
    'ALREADY_EXISTS',
    `${root} exists and is something else (${path.join('/')} differs).`,
    { path: root, hint: 'remove it, or choose another folder with --out' },
  );
}
