import { z } from 'zod';

import { Hex32 } from '../names.js';
import { Rate } from '../rates.js';

/** A change of limits; what is left out stays, null lifts a limit. */
export const LimitsChange = z
  .strictObject({
    /** Of this artifact only; else of all together. */
    artifact: Hex32.optional(),
    upload: Rate.optional(),
    download: Rate.optional(),
  })
  .refine(
    ({ upload, download }) => upload !== undefined || download !== undefined,
    'upload or download must be given',
  );
export type LimitsChange = z.infer<typeof LimitsChange>;

/** Limits of a process, bytes a second. Of its own limit and that of its artifact the tighter one holds. */
export const LimitsState = z.object({
  upload: Rate,
  download: Rate,
  /** Artifacts with limits of their own. */
  artifacts: z.array(z.object({ artifact: Hex32, upload: Rate, download: Rate })),
});
export type LimitsState = z.infer<typeof LimitsState>;
