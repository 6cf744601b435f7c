import { PieceMap, type Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { DiskStore } from '../disk/disk-store.js';
import { finishTree, readTreeDocument } from '../disk/finish-tree.js';
import type { HashPool } from '../hashing/hash-pool.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Session } from '../session/session.js';

export interface VerifyInstalledOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfo: Metainfo;
  /** Where the artifact stands: its folder, or its file when it is one file. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * Hashes what stands under the final name of an artifact. If every piece is right, the rest of the tree
 * (modes, empty files and folders, links) is made right, too, and all of it durable.
 *
 * @returns the pieces that are right
 * @throws FleetseedError UNPACK_REFUSED, DISK_IO, or the signal's reason
 */
export async function verifyInstalled(options: VerifyInstalledOptions): Promise<Bitfield> {
  const { session, hasher, metainfo, root, signal } = options;
  const pieces = new PieceMap(metainfo);
  const store = new DiskStore(root, metainfo, { smallFiles: hasher.smallFiles });
  const { buffers } = session;
  const candidates = Bitfield.full(pieces.pieceCount);
  try {
    const right = await verifyPieces({ store, pieces, candidates, hasher, buffers, signal });
    if (right.all) {
      const document = await readTreeDocument(root, metainfo);
      await finishTree(root, metainfo, document, { smallFiles: hasher.smallFiles });
    }
    return right;
  } finally {
    await store.close();
  }
}
