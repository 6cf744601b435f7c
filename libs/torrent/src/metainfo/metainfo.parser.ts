import { hash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

import { bdecodeLocated, bdecodePrefix, notInOrder } from '../bencode/bencode.decoder.js';
import type { BencodeDict } from '../bencode/bencode.types.js';
import { checkComponent, decodeComponent } from '../layout/path-rules.js';
import { checkPieceLengthV2 } from '../merkle/merkle.js';
import { readAttributes } from './attributes.js';
import { readAnnounce, readTexts, readWebSeeds } from './extras.reader.js';
import { Fields, invalid } from './fields.reader.js';
import { checkHybrid } from './hybrid.check.js';
import { MAX_METAINFO_BYTES, MAX_PARSED_PIECE_LENGTH } from './metainfo.limits.js';
import type { ArtifactFile, Metainfo } from './metainfo.types.js';
import { checkPieceLayers, layersOfDict } from './piece-layers.js';
import { parseV1Files, type V1Files } from './v1-files.parser.js';
import { parseFileTree, type V2Files } from './v2-tree.parser.js';

/**
 * A key of `info` that only this product writes, and only where BEP 52 is ambiguous: a v2-only
 * folder that holds nothing but one file of the folder's own name looks like that single file.
 */
export const TREE_MARKER = 'fleetseed tree';

export interface ParseOptions {
  /** Bytes of the whole input; 64 MiB by default. */
  readonly maxBytes?: number;
  /** Accept v2 files without their piece layer. False by default: BEP 52 wants them. */
  readonly allowMissingLayers?: boolean;
}

/**
 * Parses a `.torrent`: v1 (BEP 3), v2 (BEP 52) or hybrid, with BEP 47 attributes. Nothing in the
 * result can name a place outside the artifact, no count or size is unbounded, the two views of a
 * hybrid agree, and piece layers hash to the roots.
 *
 * @throws FleetseedError BENCODE_INVALID or one of the METAINFO_ codes, and nothing else
 */
export function parseMetainfo(bytes: Uint8Array, options: ParseOptions = {}): Metainfo {
  const own = ownCopy(bytes, options);
  const { dict, ranges } = bdecodeLocated(own, { maxBytes: own.length });
  const range = ranges.get('info');
  if (range === undefined) throw invalid('There is no "info" dictionary.');
  const outer = new Fields(dict, 'the torrent');
  const info = Fields.of(dict.get('info'), 'info');
  const parsed = parseInfoFields(info, own.subarray(range.start, range.end), range.disorder);
  const layers = layersOf(outer, parsed, options.allowMissingLayers ?? false);
  return {
    ...parsed,
    pieceLayers: layers,
    announce: readAnnounce(dict),
    webSeeds: readWebSeeds(dict),
    ...readTexts(dict),
  };
}

/**
 * Parses an `info` dictionary alone, as peers hand it out (BEP 9). It has no piece layers: a v2
 * download needs them by hash requests first, then `withPieceLayers`.
 */
export function parseInfo(infoBytes: Uint8Array, options: ParseOptions = {}): Metainfo {
  const own = ownCopy(infoBytes, options);
  const { value, consumed, disorder } = bdecodePrefix(own, { maxBytes: own.length });
  if (consumed !== own.length) throw invalid('There are bytes after the "info" dictionary.');
  return parseInfoFields(Fields.of(value, 'info'), own, disorder);
}

/** The same metainfo with piece layers that were got from elsewhere, checked like a torrent's own. */
export function withPieceLayers(
  metainfo: Metainfo,
  pieceLayers: ReadonlyMap<string, Buffer>,
): Metainfo {
  checkPieceLayers(pieceLayers, metainfo.files, metainfo.pieceLength, false);
  return { ...metainfo, pieceLayers };
}

/** Results are views of the input, so they must not change with the caller's buffer. */
function ownCopy(bytes: Uint8Array, options: ParseOptions): Buffer {
  const maxBytes = options.maxBytes ?? MAX_METAINFO_BYTES;
  if (bytes.length > maxBytes) {
    throw new FleetseedError(
      'METAINFO_TOO_LARGE',
      `The torrent has ${bytes.length} bytes; more than ${maxBytes} are refused.`,
      { bytes: bytes.length, maxBytes },
    );
  }
  return Buffer.from(bytes);
}

function parseInfoFields(info: Fields, infoBytes: Buffer, disorder: number | null): Metainfo {
  const hasV2 = versionOf(info) === 2;
  // v2 demands canonical bencode; v1 torrents in the wild have unordered keys.
  if (hasV2 && disorder !== null) throw notInOrder(disorder);
  const hasV1 = info.has('pieces') || !hasV2;
  const name = nameOf(info, !hasV2);
  const pieceLength = pieceLengthOf(info, hasV2);
  const v1 = hasV1 ? parseV1Files(info, name, pieceLength, !hasV2) : null;
  const tree = hasV2 ? info.nested('file tree') : undefined;
  if (hasV2 && tree === undefined) throw invalid('info has no "file tree".');
  const v2 = tree === undefined ? null : parseFileTree(tree, pieceLength);
  if (v1 !== null && v2 !== null) checkHybrid(v1, v2, pieceLength);
  const single = v1?.single ?? isSingleV2(v2!.files, name, info);
  // Its target would lie beside the artifact, not inside.
  if (single && (v2?.files ?? v1!.files)[0]!.symlink !== null) {
    throw invalid('The one file of the torrent is a symlink.');
  }
  return {
    name,
    pieceLength,
    private: info.dict.get('private') === 1,
    single,
    files: filesOf(v1, v2, single, info),
    length: v2?.length ?? payloadOf(v1!),
    pieceCount: v2?.pieceCount ?? v1!.view.pieceCount,
    infoHashV1: v1 === null ? null : hash('sha1', infoBytes, 'buffer'),
    infoHashV2: v2 === null ? null : hash('sha256', infoBytes, 'buffer'),
    pieceLayers: new Map(),
    v1: v1?.view ?? null,
    infoBytes,
    announce: [],
    webSeeds: [],
  };
}

function versionOf(info: Fields): number {
  const version = info.integer('meta version') ?? 1;
  if (version !== 1 && version !== 2) throw invalid(`Meta version ${version} is not known.`);
  return version;
}

function nameOf(info: Fields, preferUtf8: boolean): string {
  const bytes = (preferUtf8 ? info.bytes('name.utf-8') : undefined) ?? info.bytes('name');
  if (bytes === undefined) throw invalid('info has no "name".');
  const name = decodeComponent(bytes);
  checkComponent(name);
  return name;
}

function pieceLengthOf(info: Fields, hasV2: boolean): number {
  const pieceLength = info.dict.get('piece length');
  const usable = typeof pieceLength === 'number' && pieceLength > 0;
  if (!usable || pieceLength > MAX_PARSED_PIECE_LENGTH) {
    throw new FleetseedError(
      'METAINFO_PIECE_LENGTH_INVALID',
      `The piece length must be an integer from 1 to ${MAX_PARSED_PIECE_LENGTH}.`,
    );
  }
  return hasV2 ? checkPieceLengthV2(pieceLength) : pieceLength;
}

function isSingleV2(files: readonly ArtifactFile[], name: string, info: Fields): boolean {
  const path = files[0]!.path;
  return files.length === 1 && path.length === 1 && path[0] === name && !info.has(TREE_MARKER);
}

function filesOf(
  v1: V1Files | null,
  v2: V2Files | null,
  single: boolean,
  info: Fields,
): readonly ArtifactFile[] {
  const files = v2?.files ?? v1!.files;
  // BEP 47: a single file has its attributes in `info` itself, besides those in the v2 leaf.
  if (!single || v1 === null || !readAttributes(info).executable) return files;
  return files.map((file) => ({ ...file, executable: true }));
}

function payloadOf(v1: V1Files): number {
  return v1.files.reduce((sum, file) => sum + file.length, 0);
}

function layersOf(
  outer: Fields,
  metainfo: Metainfo,
  allowMissing: boolean,
): ReadonlyMap<string, Buffer> {
  if (metainfo.infoHashV2 === null) return new Map();
  const dict: BencodeDict = outer.nested('piece layers')?.dict ?? new Map();
  const layers = layersOfDict(dict);
  checkPieceLayers(layers, metainfo.files, metainfo.pieceLength, allowMissing);
  return layers;
}
