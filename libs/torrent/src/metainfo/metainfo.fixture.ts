import { v1Stream } from '../layout/v1-stream.js';
import { leafHashesOf } from '../merkle/leaf.hasher.js';
import { PieceHasherV1 } from '../merkle/piece-v1.hasher.js';
import { buildMetainfo } from './metainfo.builder.js';
import type { BuildFile, BuiltMetainfo, MetainfoFormat } from './metainfo.types.js';

/** A file with its content in memory. */
export interface MemoryFile {
  readonly path: readonly string[];
  readonly content?: Uint8Array;
  readonly executable?: boolean;
  readonly symlink?: readonly string[];
}

export interface MemoryArtifact {
  readonly name: string;
  readonly files: readonly MemoryFile[];
  readonly single?: boolean;
  readonly pieceLength?: number;
  readonly format: MetainfoFormat;
}

/** Hashes everything as a pusher would and builds the metainfo. */
export function buildFromMemory(artifact: MemoryArtifact): BuiltMetainfo {
  const { name, format, single = false, pieceLength = 16_384 } = artifact;
  const contents = artifact.files.map((file) => file.content ?? new Uint8Array());
  const files: BuildFile[] = artifact.files.map((file, index) => ({
    path: file.path,
    length: contents[index]!.length,
    executable: file.executable ?? false,
    symlink: file.symlink ?? null,
    leafHashes: leafHashesOf(contents[index]!),
  }));
  const hasher = new PieceHasherV1(pieceLength);
  for (const segment of v1Stream(files, pieceLength, format === 'hybrid')) {
    if ('pad' in segment) hasher.pad(segment.pad);
    else hasher.update(contents[segment.file]!);
  }
  return buildMetainfo({ name, format, single, pieceLength, files, piecesV1: hasher.finish() });
}

/** Bytes that differ with the seed and do not repeat with any block length. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2_654_435_761) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
