import { lstat } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { verifyInstalled, type Bitfield, type VerifyInstalledOptions } from '#lib/swarm';

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

/**
 * Looks at what stands where the content is to go. If it is that content, it stays, and the pieces
 * that are right are told; anything else is not ours to replace.
 *
 * @throws FleetseedError ALREADY_EXISTS
 */
export async function verifyExisting(options: VerifyInstalledOptions): Promise<Bitfield> {
  const { metainfo, root } = options;
  const right = await verifyInstalled(options);
  const wrong = metainfo.files.find(
    ({ path, firstPiece, pieceCount }) =>
      path[0] !== META_FOLDER && !right.hasRange(firstPiece, pieceCount),
  );
  if (wrong) throw inTheWay(root, wrong.path);
  return right;
}

function inTheWay(root: string, path: readonly string[]): FleetseedError {
  return new FleetseedError(
    'ALREADY_EXISTS',
    `${root} exists and is something else (${path.join('/')} differs).`,
    { path: root, hint: 'remove it, or choose another folder with --out' },
  );
}
