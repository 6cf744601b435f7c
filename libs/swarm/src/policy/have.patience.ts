import type { Bitfield } from '../bitfield.js';

/** A member that may ask us for so many runs without being told of more can wait. */
const ENOUGH_RUNS = 8;
/** So long at most, milliseconds. */
export const LONGEST_WAIT_MS = 300;

/**
 * Whether a member has enough to ask us for, and so need not be told at once of what we got.
 * @param have what we have
 * @param theirs what it has
 * @param runPieces pieces of a usual run
 * @param untold pieces that we have, and it was not told of
 */
export function canWait(
  have: Bitfield,
  theirs: Bitfield,
  runPieces: number,
  untold: number,
): boolean {
  const enough = ENOUGH_RUNS * runPieces + untold;
  return have.countOutside(theirs, enough) >= enough;
}
