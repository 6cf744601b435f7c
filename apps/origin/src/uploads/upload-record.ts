import { z } from 'zod';

import { ByteCount, Hex32, StartUpload, UploadDocument, UploadObject } from '#lib/contracts';

/** What is known of an upload from moment to moment, as its document says. */
export const UploadRecord = UploadDocument;
export type UploadRecord = UploadDocument;

export const Parted = z.object({
  key: z.string(),
  handle: z.string(),
  length: ByteCount,
  partLength: ByteCount,
});

/** An object to be sent, and where its bytes gather in the depot. */
export const PlanObject = UploadObject.omit({ received: true }).extend({
  source: z.union([
    z.object({ parted: Parted }),
    /** Its parts go to the depot's store by themselves, and nobody has looked at them yet. */
    z.object({ direct: Parted }),
    /** Came whole, in one request. */
    z.object({ object: z.string() }),
  ]),
});
export type PlanObject = z.infer<typeof PlanObject>;

export const UploadPlan = z.object({
  v: z.literal(1),
  request: StartUpload,
  pieceLength: z.number().int().positive(),
  objects: z.array(PlanObject),
  /** Roots that the client was told exist; they must not be collected while the upload lives. */
  knownRoots: z.array(Hex32),
  /** Artifacts whose places say where known small files are. */
  knownFrom: z.array(Hex32),
});
export type UploadPlan = z.infer<typeof UploadPlan>;

/** Whether v1 hashes are made while parts stream in: a single file's parts begin at its pieces. */
export function streamsV1({ request }: Pick<UploadPlan, 'request'>): boolean {
  return request.format === 'hybrid' && request.single;
}
