import { FleetseedError } from '#lib/contracts';

import { invalid } from './fields.reader.js';

export const MAX_METAINFO_BYTES = 64 * 1024 * 1024;
/** Payload bytes of an artifact: 1 PiB. */
export const MAX_TOTAL_LENGTH = 2 ** 50;
/** As libtorrent has it. Bitfields and piece tables grow with it. */
export const MAX_PIECES = 2 ** 21;
/** libtorrent refuses longer pieces; ours are far shorter. */
export const MAX_PARSED_PIECE_LENGTH = 0x7fff * 16_384;

/** @throws FleetseedError METAINFO_INVALID for a length that is missing, negative or huge. */
export function checkLength(length: number | undefined, what: string): number {
  if (length === undefined) throw invalid(`${what} has no length.`);
  if (length < 0) throw invalid(`${what} has a negative length.`);
  if (length > MAX_TOTAL_LENGTH) throw invalid(`${what} is longer than ${MAX_TOTAL_LENGTH} bytes.`);
  return length;
}

/** @throws FleetseedError METAINFO_TOO_LARGE */
export function checkPieceCount(pieceCount: number): number {
  if (pieceCount > MAX_PIECES) {
    throw new FleetseedError(
      'METAINFO_TOO_LARGE',
      `The torrent has ${pieceCount} pieces; more than ${MAX_PIECES} are refused.`,
      { pieceCount },
    );
  }
  return pieceCount;
}
