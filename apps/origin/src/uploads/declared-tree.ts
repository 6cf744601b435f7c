import { FleetseedError, type DeclaredFile, type StartUpload } from '#lib/contracts';
import {
  checkComponent,
  checkPath,
  checkPieceLength,
  checkTarget,
  defaultPieceLength,
  MAX_PIECES,
  MAX_TOTAL_LENGTH,
  PathSet,
} from '#lib/torrent';

/** Content that several files may share: what has to be stored once. */
export interface DeclaredContent {
  readonly root: string;
  readonly length: number;
  /** Index of the first file that has it. */
  readonly file: number;
}

/** A declaration that was found possible, and what follows from it. */
export interface DeclaredTree {
  readonly request: StartUpload;
  readonly pieceLength: number;
  /** Bytes of all files, repeated content counted each time. */
  readonly bytes: number;
  /** Distinct contents in the order of the files. */
  readonly contents: readonly DeclaredContent[];
}

/**
 * Holds a declaration to the rules that its metainfo will be held to, before anything is sent.
 * @throws METAINFO_PATH_INVALID, METAINFO_PIECE_LENGTH_INVALID, REQUEST_INVALID
 */
export function checkTree(request: StartUpload): DeclaredTree {
  checkComponent(request.name);
  checkShape(request);
  const paths = new PathSet();
  const contents = new Map<string, DeclaredContent>();
  let bytes = 0;
  for (const [index, file] of request.files.entries()) {
    checkPath(file.path);
    paths.add(file.path);
    checkFile(file);
    bytes += file.length;
    if (file.root !== null)
      addContent(contents, { root: file.root, length: file.length, file: index });
  }
  const pieceLength = checkPieceLength(request.pieceLength ?? defaultPieceLength(bytes));
  checkSize(request, bytes, pieceLength);
  return { request, pieceLength, bytes, contents: [...contents.values()] };
}

function checkShape({ files, single, name }: StartUpload): void {
  if (files.length === 0) throw invalid('An artifact needs at least one file.');
  if (!single) return;
  const [file] = files;
  if (files.length > 1 || file?.path.length !== 1 || file.path[0] !== name || file.symlink) {
    throw invalid(`A single file must be the one regular file "${name}".`);
  }
}

function checkFile(file: DeclaredFile): void {
  const path = file.path.join('/');
  if (file.symlink) {
    checkTarget(file.symlink);
    if (file.length > 0 || file.root !== null) throw invalid(`The symlink ${path} has content.`);
  } else if (file.length > 0 !== (file.root !== null)) {
    throw invalid(`${path}: a file has a root if and only if it has bytes.`);
  }
}

function addContent(contents: Map<string, DeclaredContent>, content: DeclaredContent): void {
  const known = contents.get(content.root);
  if (!known) contents.set(content.root, content);
  else if (known.length !== content.length) {
    throw invalid(`Two files have the root ${content.root} and different lengths.`);
  }
}

function checkSize({ files }: StartUpload, bytes: number, pieceLength: number): void {
  if (bytes > MAX_TOTAL_LENGTH) throw invalid(`${bytes} bytes are too many for one artifact.`);
  const pieces = files.reduce((sum, file) => sum + Math.ceil(file.length / pieceLength), 0);
  if (pieces <= MAX_PIECES) return;
  throw invalid(
    `${pieces} pieces are too many (${MAX_PIECES} at most): use a larger piece length.`,
  );
}

function invalid(message: string): FleetseedError {
  return new FleetseedError('REQUEST_INVALID', message);
}
