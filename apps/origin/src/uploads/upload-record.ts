import { z } from 'zod';

import { ByteCount, Hex32, StartUpload, UploadDocument, UploadObject } from '#lib/contracts';

/**
 * `uploads/<id>/upload.json`: the state of an upload. What was declared and what was asked for is
 * large and never changes, so it lies beside it as the object `plan`.
 */
export const UploadRecord = z.looseObject({
  ...UploadDocument.omit({ request: true, objects: true, knownRoots: true }).shape,
  version: z.string(),
  /** Who may go on with it besides `createdBy`, who is only a name: the id of the caller. */
  creator: z.string(),
  /** Name of the plan's object below `uploads/<id>/`. */
  plan: z.string(),
  bytes: ByteCount,
  knownBytes: ByteCount,
});
export type UploadRecord = z.infer<typeof UploadRecord>;

const Parted = z.object({
  key: z.string(),
  handle: z.string(),
  length: ByteCount,
  partLength: ByteCount,
});

/** An object to be sent, and where its bytes gather in the depot. */
export const PlanObject = UploadObject.omit({ received: true }).extend({
  source: z.union([
    z.object({ parted: Parted }),
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
