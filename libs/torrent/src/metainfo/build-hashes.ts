import { FleetseedError } from '#lib/contracts';

import { fileRoot, pieceLayerOf, rootOfPieceLayer } from '../merkle/file-tree-hashes.js';
import { HASH_LENGTH, blockCount } from '../merkle/merkle.js';
import type { BuildFile } from './metainfo.types.js';

/** What a v2 metainfo holds about the content of one file. */
export interface FileHashes {
  /** Null for files without bytes. */
  readonly root: Buffer | null;
  /** Only for files longer than one piece. */
  readonly layer: Buffer | null;
}

/**
 * Root and piece layer of a file to build, from its leaves or as given. What is given is checked as
 * far as it can be without the bytes.
 *
 * @throws FleetseedError METAINFO_ROOT_INVALID, METAINFO_PIECE_LAYERS_INVALID
 */
export function hashesOfFile(file: BuildFile, pieceLength: number): FileHashes {
  if (file.length === 0) return { root: null, layer: null };
  const long = file.length > pieceLength;
  const path = file.path.join('/');
  if (file.leafHashes !== undefined) {
    if (file.leafHashes.length !== blockCount(file.length) * HASH_LENGTH) {
      throw rootInvalid(path, 'the number of leaf hashes does not fit the length');
    }
    if (!long) return { root: fileRoot(file.leafHashes, file.length), layer: null };
    const layer = pieceLayerOf(file.leafHashes, pieceLength);
    return { root: rootOfPieceLayer(layer, pieceLength), layer };
  }
  const { root, pieceLayer } = file;
  if (root?.length !== HASH_LENGTH) throw rootInvalid(path, 'neither leaf hashes nor a root');
  if (!long) return { root, layer: null };
  const wanted = Math.ceil(file.length / pieceLength) * HASH_LENGTH;
  if (pieceLayer?.length !== wanted || !rootOfPieceLayer(pieceLayer, pieceLength).equals(root)) {
    throw new FleetseedError(
      'METAINFO_PIECE_LAYERS_INVALID',
      `The piece layer given for ${path} does not belong to its root.`,
      { path },
    );
  }
  return { root, layer: pieceLayer };
}

function rootInvalid(path: string, what: string): FleetseedError {
  return new FleetseedError('METAINFO_ROOT_INVALID', `No root for ${path}: ${what}.`, { path });
}
