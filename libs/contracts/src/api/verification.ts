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
  /** When machines that have it gave it back; absent while it is lost. */
  repairedAt: Timestamp.optional(),
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

/** What was lost and brought back from the machines that have it, or not. */
export const RepairReport = z.looseObject({
  v: z.literal(1),
  startedAt: Timestamp,
  finishedAt: Timestamp,
  /** BEP 52 roots of files that are whole again; at most 1,000. */
  repaired: z.array(Hex32),
  /** Of files that nobody had whom the origin could reach; at most 1,000. */
  lacking: z.array(Hex32),
  /** Bytes that came from machines, and bytes that were still right here. */
  fetchedBytes: ByteCount,
  keptBytes: ByteCount,
});
export type RepairReport = z.infer<typeof RepairReport>;
