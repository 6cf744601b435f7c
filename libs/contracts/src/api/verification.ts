import { z } from 'zod';

import { ByteCount, Hex32, Timestamp } from '../names.js';

/** Content that is not what its hash says, or not there. */
export const DamagedContent = z.object({
  /** Key of the blob or pack. */
  object: z.string(),
  /** BEP 52 root of the file. */
  root: Hex32,
  /** Releases that have the file, `app@version`; at most 20. */
  releases: z.array(z.string()),
});
export type DamagedContent = z.infer<typeof DamagedContent>;

/** How far the verification of the depot is, and what it has found. */
export const VerificationReport = z.looseObject({
  v: z.literal(1),
  startedAt: Timestamp,
  /** Null while it is under way: it goes on from there after any interruption. */
  finishedAt: Timestamp.nullable(),
  checkedObjects: z.number().int(),
  checkedBytes: ByteCount,
  /** What was found damaged and taken out of use; at most 1,000. */
  damaged: z.array(DamagedContent),
  /** Objects that could not be read; they were left where they are. At most 1,000. */
  unreadable: z.array(z.string()),
  /** Damaged content of earlier times that is whole again: it was pushed anew. */
  healed: z.number().int(),
});
export type VerificationReport = z.infer<typeof VerificationReport>;
