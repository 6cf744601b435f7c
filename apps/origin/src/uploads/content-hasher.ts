import { defaultPieceLength } from '#lib/torrent';

import type { BodyCut, BodyHashes } from './body-hasher.js';
import { layerOf, nodeSpanFor, rootOfNodes, type PartHashes } from './part-hashes.js';

export interface HashedContent {
  readonly bytes: number;
  /** Null for an empty file. */
  readonly root: string | null;
  readonly hashes: PartHashes;
}

/** How a file is hashed that comes in one stream, whose length may be known only at its end. */
export function contentCut(length: number | null): BodyCut {
  const pieceLength = defaultPieceLength(length ?? 0);
  return {
    stretches: length === null ? null : [length],
    nodeSpan: nodeSpanFor(pieceLength),
    wholeFiles: true,
    digest: false,
    // v1 pieces can be hashed on the way only when the length, and so theirs, is known beforehand.
    pieceLengthV1: length === null ? 0 : pieceLength,
  };
}

export function contentOf({ nodeSpan }: BodyCut, body: BodyHashes): HashedContent {
  const { length: bytes, leaves, nodes, piecesV1: sha1 } = body;
  const pieceLength = defaultPieceLength(bytes);
  const isLong = bytes > pieceLength;
  return {
    bytes,
    root: bytes === 0 ? null : rootOfNodes(nodes, nodeSpan).toString('hex'),
    hashes: { leaves, layer: isLong ? layerOf(nodes, nodeSpan, pieceLength) : NOTHING, sha1 },
  };
}

const NOTHING = Buffer.alloc(0);
