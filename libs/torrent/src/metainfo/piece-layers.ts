import { FleetseedError } from '#lib/contracts';

import type { BencodeDict } from '../bencode/bencode.types.js';
import { rootOfPieceLayer } from '../merkle/file-tree-hashes.js';
import { HASH_LENGTH } from '../merkle/merkle.js';
import type { ArtifactFile } from './metainfo.types.js';

/** The `piece layers` dictionary with its keys (raw roots) in hex. */
export function layersOfDict(dict: BencodeDict): Map<string, Buffer> {
  const layers = new Map<string, Buffer>();
  for (const [key, value] of dict) {
    if (!Buffer.isBuffer(value)) throw invalid('a layer is not a byte string');
    layers.set(Buffer.from(key, 'latin1').toString('hex'), value);
  }
  return layers;
}

/**
 * Checks piece layers against the files: each file longer than one piece has one of the right size
 * that hashes to its root (identical files share theirs), and there are no others.
 *
 * @param allowMissing accept files without a layer: metainfo that came from peers has none
 * @throws FleetseedError METAINFO_PIECE_LAYERS_INVALID
 */
export function checkPieceLayers(
  layers: ReadonlyMap<string, Buffer>,
  files: readonly ArtifactFile[],
  pieceLength: number,
  allowMissing: boolean,
): void {
  const checked = new Map<string, number>();
  for (const file of files) {
    if (file.root === null || file.pieceCount <= 1) continue;
    const root = file.root.toString('hex');
    const path = file.path.join('/');
    const layer = layers.get(root);
    if (layer === undefined) {
      if (allowMissing) continue;
      throw invalid(`there is none for ${path}`);
    }
    if (layer.length !== file.pieceCount * HASH_LENGTH) {
      throw invalid(`the one for ${path} has ${layer.length} bytes`);
    }
    if (checked.has(root)) continue;
    checked.set(root, file.pieceCount);
    if (!rootOfPieceLayer(layer, pieceLength).equals(file.root)) {
      throw invalid(`the one for ${path} does not hash to its root`);
    }
  }
  if (checked.size !== layers.size) throw invalid('there are layers that belong to no file');
}

function invalid(what: string): FleetseedError {
  return new FleetseedError(
    'METAINFO_PIECE_LAYERS_INVALID',
    `The piece layers are not valid: ${what}.`,
  );
}
