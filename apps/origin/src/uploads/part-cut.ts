import { FleetseedError } from '#lib/contracts';

import type { BodyCut, BodyHashes } from './body-hasher.js';
import { nodeSpanFor, partHashesOf, type PartHashes, type Stretch } from './part-hashes.js';
import { partCountOf, partLengthOf, type PlannedObject } from './upload-planner.js';

export interface PartCutOptions {
  readonly pieceLength: number;
  /** Whether the SHA-256 of the whole part is wanted. */
  readonly digest: boolean;
  /** Whether v1 pieces are wanted. */
  readonly withV1: boolean;
}

/** The stretches of files that a part carries. */
export function stretchesOf(planned: PlannedObject, part: number): Stretch[] {
  if (partCountOf(planned) === 1) {
    return planned.entries.map(({ root, length }) => ({ root, length, fileLength: length }));
  }
  // Of a large file: whether it has its root is known when all parts are there.
  return [{ root: null, length: partLengthOf(planned, part), fileLength: planned.bytes }];
}

/** How the bytes of a part are to be hashed. */
export function cutOf(
  planned: PlannedObject,
  part: number,
  { pieceLength, digest, withV1 }: PartCutOptions,
): BodyCut {
  return {
    stretches: stretchesOf(planned, part).map(({ length }) => length),
    nodeSpan: nodeSpanFor(pieceLength),
    wholeFiles: partCountOf(planned) === 1,
    digest,
    pieceLengthV1: withV1 ? pieceLength : 0,
  };
}

/** What is kept of a part that was hashed so. @throws ROOT_MISMATCH */
export function keptOf(
  planned: PlannedObject,
  part: number,
  pieceLength: number,
  hashes: BodyHashes,
): PartHashes {
  try {
    return partHashesOf(stretchesOf(planned, part), pieceLength, hashes);
  } catch (error) {
    if (!(error instanceof FleetseedError) || error.code !== 'ROOT_MISMATCH') throw error;
    const facts = { ...error.facts, object: planned.object, part };
    throw new FleetseedError('ROOT_MISMATCH', error.message, facts, { cause: error });
  }
}
