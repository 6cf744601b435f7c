import { PathSet, checkPath } from '../layout/path-rules.js';
import { SHA1_LENGTH } from '../merkle/piece-v1.hasher.js';
import { readAttributes, textOfComponent } from './attributes.js';
import { Fields, invalid } from './fields.reader.js';
import { MAX_TOTAL_LENGTH, checkLength, checkPieceCount } from './metainfo.limits.js';
import type { ArtifactFile, V1File, V1View } from './metainfo.types.js';

/** The v1 side of an `info` dictionary. */
export interface V1Files {
  readonly view: V1View;
  /** Files without pads, as v1 alone sees them: pieces are contiguous, there are no roots. */
  readonly files: readonly ArtifactFile[];
  /** True when `length` stands for the one file, false for a list of `files`. */
  readonly single: boolean;
}

/**
 * Reads the v1 fields of `info` (BEP 3, BEP 47).
 *
 * @param preferUtf8 read `path.utf-8` where there is one: old v1 torrents, never hybrids
 * @throws FleetseedError METAINFO_INVALID, METAINFO_PATH_INVALID, METAINFO_TOO_LARGE
 */
export function parseV1Files(
  info: Fields,
  name: string,
  pieceLength: number,
  preferUtf8: boolean,
): V1Files {
  const list = info.list('files');
  const walk = new V1Walk(pieceLength);
  if (list === undefined) {
    walk.add(info, [name]);
  } else {
    if (list.length === 0) throw invalid('The list of files is empty.');
    for (const item of list) {
      const entry = Fields.of(item, 'an entry of files');
      walk.add(entry, pathOf(entry, preferUtf8));
    }
  }
  if (walk.files.length === 0) throw invalid('There is no file, only pads.');
  const pieces = info.bytes('pieces');
  if (pieces === undefined) throw invalid('info has no "pieces".');
  const pieceCount = checkPieceCount(Math.ceil(walk.offset / pieceLength));
  if (pieces.length !== pieceCount * SHA1_LENGTH) {
    throw invalid(
      `"pieces" has ${pieces.length} bytes where ${pieceCount} pieces need ${pieceCount * SHA1_LENGTH}.`,
    );
  }
  const view = { pieces, pieceCount, files: walk.stream, length: walk.offset };
  return { view, files: walk.files, single: list === undefined };
}

/** Null for a pad file without a path, which BEP 47 allows. */
function pathOf(entry: Fields, preferUtf8: boolean): readonly string[] | null {
  const list = (preferUtf8 ? entry.list('path.utf-8') : undefined) ?? entry.list('path');
  return list === undefined ? null : list.map((component) => textOfComponent(component));
}

class V1Walk {
  readonly files: ArtifactFile[] = [];
  readonly stream: V1File[] = [];
  offset = 0;
  private readonly paths = new PathSet();

  constructor(private readonly pieceLength: number) {}

  add(entry: Fields, path: readonly string[] | null): void {
    const { pad, executable, symlink } = readAttributes(entry);
    const shown = path === null ? 'An entry of files' : path.join('/');
    const length = symlink !== null ? 0 : checkLength(entry.integer('length'), shown);
    const offset = this.offset;
    this.offset += length;
    if (this.offset > MAX_TOTAL_LENGTH) throw invalid('The files are too long together.');
    if (pad) {
      this.stream.push({ file: null, offset, length });
      return;
    }
    if (path === null) throw invalid('An entry of files has no path.');
    checkPath(path);
    this.paths.add(path);
    this.stream.push({ file: this.files.length, offset, length });
    const firstPiece = Math.floor(offset / this.pieceLength);
    const pieceCount =
      length === 0 ? 0 : Math.ceil((offset + length) / this.pieceLength) - firstPiece;
    this.files.push({ path, length, root: null, executable, symlink, firstPiece, pieceCount });
  }
}
