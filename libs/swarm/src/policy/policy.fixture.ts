import { RunTable, type PieceLengths } from '#lib/torrent';

import { PayloadLayout } from './payload.layout.js';

/** The layout of an artifact whose files have these lengths. */
export function layoutOf(files: readonly number[], pieceLength: number): PayloadLayout {
  const lengths = files.flatMap((length) => {
    const whole = Array.from({ length: Math.floor(length / pieceLength) }, () => pieceLength);
    return length % pieceLength === 0 ? whole : [...whole, length % pieceLength];
  });
  const pieces: PieceLengths = {
    pieceCount: lengths.length,
    pieceLength,
    totalLength: lengths.reduce((sum, length) => sum + length, 0),
    lengthOf: (piece) => lengths[piece]!,
  };
  return new PayloadLayout(pieces, new RunTable(pieces));
}
