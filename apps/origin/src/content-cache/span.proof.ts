import { FleetseedError } from '#lib/contracts';
import { leafHashesOf } from '#lib/torrent';

/** Objects are cut into spans of about so many bytes: what suits a store that is far away. */
export const SPAN_BYTES = 4 * 1024 * 1024;
/** Checked without letting others have their turn, bytes. */
const STEP_BYTES = 1024 * 1024;

export interface Span {
  /** In the object, bytes. */
  readonly offset: number;
  readonly length: number;
}

/** Consecutive bytes of a span that belong to one file, and begin where a leaf of it does. */
export interface ProvenStretch {
  readonly length: number;
  /** SHA-256 of each 16 KiB, 32 bytes each (BEP 52). */
  readonly leaves: Uint8Array;
}

/** How an object is cut, and what its bytes have to be. */
export interface ObjectProof {
  /** Bytes of the object. */
  readonly length: number;
  /** The span that holds the byte at `position`, which is inside the object. */
  spanAt(position: number): Span;
  /**
   * What a span has to hash to.
   * @throws DEPOT_INTEGRITY when what the depot says of it is not true
   */
  stretchesOf(span: Span): Promise<readonly ProvenStretch[]>;
}

/** @throws DEPOT_INTEGRITY when the bytes are others than they should be */
export async function assertProven(
  object: string,
  { offset }: Span,
  bytes: Buffer,
  stretches: readonly ProvenStretch[],
): Promise<void> {
  let at = 0;
  let sinceTurn = 0;
  for (const { length, leaves } of stretches) {
    for (let from = 0; from < length; from += STEP_BYTES) {
      const to = Math.min(length, from + STEP_BYTES);
      const hashes = leafHashesOf(bytes.subarray(at + from, at + to));
      const first = (from / STEP_BYTES) * (STEP_BYTES / 512);
      if (!hashes.equals(leaves.subarray(first, first + hashes.length))) {
        throw integrity('The store gave other bytes than were put there.', object, offset + at);
      }
      sinceTurn += to - from;
      if (sinceTurn < STEP_BYTES) continue;
      sinceTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    at += length;
  }
}

export function integrity(message: string, object: string, offset: number): FleetseedError {
  return new FleetseedError('DEPOT_INTEGRITY', message, { object, offset });
}
