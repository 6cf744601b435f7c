import { FleetseedError } from '#lib/contracts';

import { isAscii } from '../bencode/bencode.encoder.js';
import { checkComponent, checkPath, decodeComponent } from '../layout/path-rules.js';
import { HASH_LENGTH } from '../merkle/merkle.js';
import { readAttributes } from './attributes.js';
import { Fields, invalid } from './fields.reader.js';
import { MAX_TOTAL_LENGTH, checkLength, checkPieceCount } from './metainfo.limits.js';
import type { ArtifactFile } from './metainfo.types.js';

/** The file tree as a list, in its order. */
export interface V2Files {
  readonly files: readonly ArtifactFile[];
  /** Payload bytes. */
  readonly length: number;
  readonly pieceCount: number;
}

/**
 * Reads BEP 52 `file tree`: keys are path components, a file is the one key `""` of its node. The
 * dictionaries must have been decoded with strict order, which makes the list canonical.
 *
 * @throws FleetseedError METAINFO_INVALID, METAINFO_PATH_INVALID, METAINFO_ROOT_INVALID,
 *   METAINFO_TOO_LARGE
 */
export function parseFileTree(tree: Fields, pieceLength: number): V2Files {
  const walk = new TreeWalk(pieceLength);
  walk.folder(tree, []);
  if (walk.files.length === 0) throw invalid('The file tree is empty.');
  return { files: walk.files, length: walk.length, pieceCount: walk.pieceCount };
}

class TreeWalk {
  readonly files: ArtifactFile[] = [];
  length = 0;
  pieceCount = 0;

  constructor(private readonly pieceLength: number) {}

  /** Recursion is bounded by the depth that the decoder allows. */
  folder(node: Fields, path: readonly string[]): void {
    for (const [key, value] of node.dict) {
      if (key === '') throw conflict(path);
      const component = isAscii(key) ? key : decodeComponent(Buffer.from(key, 'latin1'));
      const child = [...path, component];
      checkComponent(component, child);
      const fields = Fields.of(value, () => `the file tree at ${child.join('/')}`);
      if (!fields.has('')) {
        if (fields.dict.size === 0) throw invalid(`The folder ${child.join('/')} is empty.`);
        this.folder(fields, child);
        continue;
      }
      if (fields.dict.size > 1) throw conflict(child);
      checkPath(child);
      this.file(fields.nested('')!, child);
    }
  }

  private file(leaf: Fields, path: readonly string[]): void {
    const { pad, executable, symlink } = readAttributes(leaf);
    if (pad) throw invalid(`The file tree holds a pad file: ${path.join('/')}.`);
    // Symlinks occupy nothing, whatever length they claim.
    const length = symlink !== null ? 0 : checkLength(leaf.integer('length'), path.join('/'));
    const root = length === 0 ? null : rootOf(leaf, path);
    const pieceCount = Math.ceil(length / this.pieceLength);
    const firstPiece = this.pieceCount;
    this.files.push({ path, length, root, executable, symlink, firstPiece, pieceCount });
    this.pieceCount = checkPieceCount(this.pieceCount + pieceCount);
    this.length += length;
    if (this.length > MAX_TOTAL_LENGTH) throw invalid('The files are too long together.');
  }
}

function rootOf(leaf: Fields, path: readonly string[]): Buffer {
  const root = leaf.dict.get('pieces root');
  if (!Buffer.isBuffer(root) || root.length !== HASH_LENGTH || root.every((byte) => byte === 0)) {
    throw new FleetseedError(
      'METAINFO_ROOT_INVALID',
      `The file ${path.join('/')} has no usable "pieces root".`,
      { path: path.join('/') },
    );
  }
  return root;
}

function conflict(path: readonly string[]): FleetseedError {
  const shown = path.join('/');
  const message =
    path.length === 0
      ? 'The root of the file tree must not be a file.'
      : `The path ${JSON.stringify(shown)} is refused: it is a file and a folder at once.`;
  return new FleetseedError('METAINFO_PATH_INVALID', message, { path: shown });
}
