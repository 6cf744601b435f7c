import { FleetseedError } from '#lib/contracts';
import type { PieceMap } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { eachAtMost } from '../disk/in-flight.js';
import type { PayloadStore } from '../disk/payload-store.js';
import { LARGEST_SPAN_BUFFER, type BufferPool } from './buffer-pool.js';
import { PieceOffsets } from './piece-offsets.js';
import { cutOfPart, cutOfPieces, wrongPieces } from './piece-verdicts.js';
import type { SpanHasher } from './span-hasher.js';

/** Spans that are read and hashed at once: enough for the threads to find the next one waiting. */
const AT_ONCE = 4;

/** A symlink where a file should be is no reason to stop: the piece is not there. */
const NOT_THERE = new Set(['PIECE_UNAVAILABLE', 'UNPACK_REFUSED']);

export interface VerifyOptions {
  readonly store: PayloadStore;
  readonly pieces: PieceMap;
  /** What may be there; everything else is not looked at. */
  readonly candidates: Bitfield;
  readonly hasher: SpanHasher;
  readonly buffers: BufferPool;
  readonly signal?: AbortSignal;
  /** Called as pieces were looked at; `right` of [first, first + count) had the right hash. */
  readonly onChecked?: (first: number, count: number, right: number) => void;
}

interface PieceSpan {
  readonly first: number;
  readonly count: number;
  readonly length: number;
}

/**
 * Reads and hashes the candidates and tells which of them are right: what a resume file claims, what
 * `--verify` asks, what somebody touched. Bytes that are not there make a piece not right.
 *
 * @throws FleetseedError DISK_IO and whatever else reading may fail with, or the signal's reason
 */
export async function verifyPieces(options: VerifyOptions): Promise<Bitfield> {
  const { pieces, candidates, signal, onChecked } = options;
  const verified = new Bitfield(pieces.pieceCount);
  const offsets = new PieceOffsets(pieces);
  await eachAtMost(spansOf(pieces, candidates), AT_ONCE, async (span) => {
    signal?.throwIfAborted();
    const right =
      span.length > LARGEST_SPAN_BUFFER
        ? await largePieceIsRight(options, span.first, offsets)
        : await rightPieces(options, span, offsets);
    for (const piece of right) verified.set(piece);
    onChecked?.(span.first, span.count, right.length);
  });
  return verified;
}

/** Consecutive candidates of together no more than a buffer, or one piece that is larger. */
function spansOf(pieces: PieceMap, candidates: Bitfield): PieceSpan[] {
  const spans: PieceSpan[] = [];
  for (const range of candidates.ranges()) {
    let first = range.first;
    let length = 0;
    for (let piece = first; piece < range.first + range.count; piece++) {
      const more = pieces.lengthOf(piece);
      if (piece > first && length + more > LARGEST_SPAN_BUFFER) {
        spans.push({ first, count: piece - first, length });
        first = piece;
        length = 0;
      }
      length += more;
    }
    spans.push({ first, count: range.first + range.count - first, length });
  }
  return spans;
}

async function rightPieces(
  options: VerifyOptions,
  { first, count, length }: PieceSpan,
  offsets: PieceOffsets,
): Promise<number[]> {
  const { store, pieces, hasher, buffers, signal } = options;
  const buffer = await buffers.obtain(length, signal);
  try {
    if (await readIfThere(store, offsets.offsetOf(first), buffer.bytes)) {
      const { roots } = await hasher.hashSpan(buffer.bytes, cutOfPieces(pieces, first, count));
      const wrong = new Set(wrongPieces(pieces, first, roots));
      return Array.from({ length: count }, (_, index) => first + index).filter(
        (piece) => !wrong.has(piece),
      );
    }
  } finally {
    buffer.release();
  }
  if (count === 1) return [];
  // One piece that is lacking must not hide the others: halves, until it stands alone.
  const half = Math.floor(count / 2);
  const left = spanOf(pieces, first, half);
  const right = spanOf(pieces, first + half, count - half);
  return [
    ...(await rightPieces(options, left, offsets)),
    ...(await rightPieces(options, right, offsets)),
  ];
}

function spanOf(pieces: PieceMap, first: number, count: number): PieceSpan {
  let length = 0;
  for (let piece = first; piece < first + count; piece++) length += pieces.lengthOf(piece);
  return { first, count, length };
}

async function largePieceIsRight(
  { store, pieces, hasher, buffers, signal }: VerifyOptions,
  piece: number,
  offsets: PieceOffsets,
): Promise<number[]> {
  const length = pieces.lengthOf(piece);
  const leaves: Buffer[] = [];
  for (let at = 0; at < length; at += LARGEST_SPAN_BUFFER) {
    const part = Math.min(LARGEST_SPAN_BUFFER, length - at);
    const buffer = await buffers.obtain(part, signal);
    try {
      if (!(await readIfThere(store, offsets.offsetOf(piece) + at, buffer.bytes))) return [];
      leaves.push((await hasher.hashSpan(buffer.bytes, cutOfPart(part))).leaves);
    } finally {
      buffer.release();
    }
  }
  const root = await hasher.merkleRoot(Buffer.concat(leaves), pieces.paddedLeavesOf(piece));
  return pieces.expectedHash(piece).equals(root) ? [piece] : [];
}

async function readIfThere(
  store: PayloadStore,
  offset: number,
  target: Uint8Array,
): Promise<boolean> {
  try {
    await store.read(offset, target);
    return true;
  } catch (error) {
    if (error instanceof FleetseedError && NOT_THERE.has(error.code)) return false;
    throw error;
  }
}
