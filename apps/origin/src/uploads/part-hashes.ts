import { FleetseedError } from '#lib/contracts';
import { LARGEST_SPAN_BUFFER } from '#lib/swarm';
import { BLOCK_LENGTH, HASH_LENGTH, merkleRoot, parentLayer } from '#lib/torrent';

import type { BodyHashes } from './body-hasher.js';

/** What is kept of a part's bytes, so that publishing need not read them again. */
export interface PartHashes {
  /** BEP 52 leaves of each stretch, one after the other, 32 bytes a leaf. */
  readonly leaves: Buffer;
  /** Hashes of the v2 pieces of each stretch of a file longer than one piece, 32 bytes a piece. */
  readonly layer: Buffer;
  /** SHA-1 of the pieces of a single-file hybrid; empty otherwise. */
  readonly sha1: Buffer;
}

/** A stretch of one file inside a part, from the beginning of a piece. */
export interface Stretch {
  /** Known when the stretch is the whole file. */
  readonly root: string | null;
  readonly length: number;
  /** Bytes of the whole file. */
  readonly fileLength: number;
}

/* 'FSPH' u16 format u16 zero, u32 bytes of leaves, u32 bytes of layer, leaves, layer, SHA-1s. */
const MAGIC = 0x46535048;
const FORMAT = 1;
const HEADER = 16;

export function encodePartHashes({ leaves, layer, sha1 }: PartHashes): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt16BE(FORMAT, 4);
  head.writeUInt32BE(leaves.length, 8);
  head.writeUInt32BE(layer.length, 12);
  return Buffer.concat([head, leaves, layer, sha1]);
}

/** @throws DEPOT_CORRUPT */
export function decodePartHashes(bytes: Buffer): PartHashes {
  const known = bytes.length >= HEADER && bytes.readUInt32BE(0) === MAGIC;
  const layerAt = known ? HEADER + bytes.readUInt32BE(8) : Infinity;
  const end = known ? layerAt + bytes.readUInt32BE(12) : Infinity;
  if (!known || bytes.readUInt16BE(4) !== FORMAT || end > bytes.length) {
    throw new FleetseedError('DEPOT_CORRUPT', 'The hashes of a part are damaged.');
  }
  return {
    leaves: bytes.subarray(HEADER, layerAt),
    layer: bytes.subarray(layerAt, end),
    sha1: bytes.subarray(end),
  };
}

/** Nodes no longer than what is hashed at once, and no longer than a piece. */
export function nodeSpanFor(pieceLength: number): number {
  return Math.min(pieceLength, LARGEST_SPAN_BUFFER);
}

/** What is kept of a part, from the hashes of its body. @throws ROOT_MISMATCH */
export function partHashesOf(
  stretches: readonly Stretch[],
  pieceLength: number,
  { leaves, nodes, piecesV1 }: Pick<BodyHashes, 'leaves' | 'nodes' | 'piecesV1'>,
): PartHashes {
  const nodeSpan = nodeSpanFor(pieceLength);
  const layers: Buffer[] = [];
  let at = 0;
  for (const { root, length, fileLength } of stretches) {
    const end = at + Math.ceil(length / nodeSpan) * HASH_LENGTH;
    const ofStretch = nodes.subarray(at, end);
    at = end;
    if (root !== null && rootOfNodes(ofStretch, nodeSpan).toString('hex') !== root) {
      throw rootMismatch(root);
    }
    if (fileLength > pieceLength) layers.push(layerOf(ofStretch, nodeSpan, pieceLength));
  }
  return { leaves, layer: Buffer.concat(layers), sha1: piecesV1 };
}

/** The root over nodes of `nodeSpan` bytes each; over `paddedBytes` when more bytes could follow. */
export function rootOfNodes(nodes: Buffer, nodeSpan: number, paddedBytes?: number): Buffer {
  const width = paddedBytes === undefined ? undefined : Math.max(1, paddedBytes / nodeSpan);
  return merkleRoot(nodes, heightOf(nodeSpan), width);
}

/** Hashes of pieces from nodes that are no longer; the last piece may be short, and is padded. */
export function layerOf(nodes: Buffer, nodeSpan: number, pieceLength: number): Buffer {
  let layer = nodes;
  for (let height = heightOf(nodeSpan); height < heightOf(pieceLength); height++) {
    layer = parentLayer(layer, height);
  }
  return layer;
}

/** Layers above the leaves at which nodes over so many bytes stand. */
function heightOf(nodeSpan: number): number {
  return Math.log2(nodeSpan / BLOCK_LENGTH);
}

export function rootMismatch(root: string): FleetseedError {
  return new FleetseedError(
    'ROOT_MISMATCH',
    'The bytes that came are not those of the file that was declared.',
    { root },
  );
}
