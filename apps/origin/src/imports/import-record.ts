import { z } from 'zod';

import {
  AppName,
  ByteCount,
  ChannelName,
  Hex32,
  ImportState,
  Timestamp,
  VersionName,
} from '#lib/contracts';

import { Parted } from '../uploads/upload-record.js';

/** `imports/<id>.json`: what is to be imported, or was. Its bytes gather under the upload of the same id. */
export const ImportRecord = z.looseObject({
  v: z.literal(1),
  import: z.string(),
  app: AppName,
  version: VersionName,
  name: z.string(),
  /** As it may be shown. */
  from: z.string(),
  /** As it was given, with whatever opens it; null once the import has ended. */
  source: z.string().nullable(),
  insecureHttp: z.boolean(),
  channel: ChannelName.nullable(),
  sha256: Hex32.nullable(),
  bytes: ByteCount.nullable(),
  state: ImportState,
  /** Grows each time it begins anew: the job of an earlier run is not the job of this one. */
  run: z.number().int(),
  /** What is gathering in parts, and of which version of the source; null when nothing is. */
  gathering: z.object({ version: z.string().nullable(), parted: Parted }).nullable(),
  createdAt: Timestamp,
  createdBy: z.string(),
  creator: z.string(),
  finishedAt: Timestamp.nullable(),
  artifact: Hex32.nullable(),
  created: z.boolean().nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type ImportRecord = z.infer<typeof ImportRecord>;
