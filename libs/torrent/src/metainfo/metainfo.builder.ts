import { hash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

import { bdict, bencode, keyOfText } from '../bencode/bencode.encoder.js';
import type { BencodeInput } from '../bencode/bencode.types.js';
import { PathSet, checkComponent, checkPath, checkTarget } from '../layout/path-rules.js';
import { checkPieceLength } from '../layout/piece-length.js';
import { v1Stream, type V1Segment } from '../layout/v1-stream.js';
import { SHA1_LENGTH } from '../merkle/piece-v1.hasher.js';
import { hashesOfFile, type FileHashes } from './build-hashes.js';
import { encodeMetainfo } from './metainfo.encoder.js';
import { checkLength } from './metainfo.limits.js';
import { TREE_MARKER } from './metainfo.parser.js';
import type { BuildFile, BuildOptions, BuiltMetainfo } from './metainfo.types.js';

type Dict = Map<string, BencodeInput>;

/**
 * Makes the metainfo of an artifact. Deterministic: the same files, name, piece length and format
 * give the same bytes, whatever the order of the files; there is no date and no tracker in it.
 * Info-hashes equal those of libtorrent 2.0.8 and of the reference creator of BEP 52.
 *
 * @throws FleetseedError METAINFO_PATH_INVALID, METAINFO_PIECE_LENGTH_INVALID, METAINFO_ROOT_INVALID,
 *   METAINFO_PIECE_LAYERS_INVALID, METAINFO_INVALID
 */
export function buildMetainfo(options: BuildOptions): BuiltMetainfo {
  const { pieceLength, format } = options;
  checkPieceLength(pieceLength);
  checkFiles(options);
  const hasV1 = format !== 'v2';
  const hasV2 = format !== 'v1';
  const segments = v1Stream(options.files, pieceLength, hasV2);
  const hashes = hasV2 ? options.files.map((file) => hashesOfFile(file, pieceLength)) : [];

  const info = bdict({
    name: options.name,
    'piece length': pieceLength,
    private: (options.private ?? true) ? 1 : undefined,
  });
  if (hasV2) addV2(info, options, segments, hashes);
  if (hasV1) addV1(info, options, segments);

  const infoBytes = bencode(info);
  const pieceLayers = new Map<string, Buffer>();
  for (const { root, layer } of hashes) {
    if (root !== null && layer !== null) pieceLayers.set(root.toString('hex'), layer);
  }
  return {
    infoBytes,
    metainfoBytes: encodeMetainfo({ infoBytes, pieceLayers: hasV2 ? pieceLayers : null }),
    infoHashV1: hasV1 ? hash('sha1', infoBytes, 'buffer') : null,
    infoHashV2: hasV2 ? hash('sha256', infoBytes, 'buffer') : null,
  };
}

function checkFiles({ name, files, single }: BuildOptions): void {
  checkComponent(name);
  if (files.length === 0) throw invalid('An artifact needs at least one file.');
  if (single && (files.length !== 1 || files[0]!.path.length !== 1 || files[0]!.path[0] !== name)) {
    throw invalid(`A single file must have the artifact's name, ${name}, as its path.`);
  }
  if (single && isSymlink(files[0]!)) throw invalid('A single file must not be a symlink.');
  const paths = new PathSet();
  for (const file of files) {
    checkPath(file.path);
    paths.add(file.path);
    checkLength(file.length, file.path.join('/'));
    if (!isSymlink(file)) continue;
    checkTarget(file.symlink!);
    if (file.length > 0) throw invalid(`The symlink ${file.path.join('/')} has a length.`);
  }
}

function addV2(
  info: Dict,
  options: BuildOptions,
  segments: readonly V1Segment[],
  hashes: readonly FileHashes[],
): void {
  const tree: Dict = new Map();
  for (const segment of segments) {
    if ('pad' in segment) continue;
    const file = options.files[segment.file]!;
    let node = tree;
    for (const component of file.path) node = childOf(node, keyOfText(component));
    node.set('', leafOf(file, hashes[segment.file]!.root));
  }
  info.set('file tree', tree);
  info.set('meta version', 2);
  // A hybrid tells a folder from a single file by its v1 fields.
  const first = options.files[0]!.path;
  const ambiguous = options.files.length === 1 && first.length === 1 && first[0] === options.name;
  if (ambiguous && !options.single && options.format === 'v2') info.set(TREE_MARKER, 1);
}

function addV1(info: Dict, options: BuildOptions, segments: readonly V1Segment[]): void {
  const { files, pieceLength, piecesV1 } = options;
  const length = segments.reduce(
    (sum, segment) => sum + ('pad' in segment ? segment.pad : files[segment.file]!.length),
    0,
  );
  const wanted = Math.ceil(length / pieceLength) * SHA1_LENGTH;
  if (piecesV1 === undefined || piecesV1.length !== wanted) {
    throw invalid(`v1 needs ${wanted} bytes of piece hashes, not ${piecesV1?.length ?? 0}.`);
  }
  info.set('pieces', piecesV1);
  if (options.single) {
    info.set('length', length);
    if (files[0]!.executable === true) info.set('attr', 'x');
    return;
  }
  info.set(
    'files',
    segments.map((segment) =>
      'pad' in segment
        ? bdict({ attr: 'p', length: segment.pad, path: ['.pad', String(segment.pad)] })
        : bdict({ ...attributesOf(files[segment.file]!), ...v1Entry(files[segment.file]!) }),
    ),
  );
}

function v1Entry(file: BuildFile): Record<string, BencodeInput> {
  return { length: file.length, path: file.path };
}

function leafOf(file: BuildFile, root: Buffer | null): Dict {
  const leaf: Dict = bdict(attributesOf(file));
  if (!isSymlink(file)) leaf.set('length', file.length);
  if (root !== null) leaf.set('pieces root', root);
  return leaf;
}

function attributesOf(file: BuildFile): Record<string, BencodeInput> {
  if (isSymlink(file)) return { attr: 'l', 'symlink path': file.symlink! };
  return file.executable === true ? { attr: 'x' } : {};
}

function isSymlink(file: BuildFile): boolean {
  return file.symlink !== undefined && file.symlink !== null;
}

function childOf(node: Dict, key: string): Dict {
  const known = node.get(key);
  if (known instanceof Map) return known as Dict;
  const child: Dict = new Map();
  node.set(key, child);
  return child;
}

function invalid(message: string): FleetseedError {
  return new FleetseedError('METAINFO_INVALID', message);
}
