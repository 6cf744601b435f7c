import { FleetseedError } from '#lib/contracts';

import { isPowerOfTwo, nextPowerOfTwo } from '../merkle/merkle.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What we make; metainfo of others may go beyond. */
export const MIN_PIECE_LENGTH = 16 * KIB;
export const MAX_PIECE_LENGTH = 16 * MIB;

const MIN_DEFAULT = 64 * KIB;
const MAX_PIECES = 1024;

/**
 * The piece length of an artifact of `totalBytes`: the power of two that cuts them into 512 to
 * 1,024 pieces, from 64 KiB to 16 MiB. Fewer pieces slow the spread down, more cost messages.
 */
export function defaultPieceLength(totalBytes: number): number {
  const wanted = nextPowerOfTwo(Math.ceil(totalBytes / MAX_PIECES));
  return Math.min(MAX_PIECE_LENGTH, Math.max(MIN_DEFAULT, wanted));
}

/**
 * Gives a piece length that we may make torrents with, unchanged.
 *
 * @throws FleetseedError METAINFO_PIECE_LENGTH_INVALID
 */
export function checkPieceLength(pieceLength: number): number {
  const fits = pieceLength >= MIN_PIECE_LENGTH && pieceLength <= MAX_PIECE_LENGTH;
  if (!fits || !isPowerOfTwo(pieceLength)) {
    throw new FleetseedError(
      'METAINFO_PIECE_LENGTH_INVALID',
      `A piece length must be a power of two from ${MIN_PIECE_LENGTH} to ${MAX_PIECE_LENGTH} bytes, not ${pieceLength}.`,
      { pieceLength },
    );
  }
  return pieceLength;
}
