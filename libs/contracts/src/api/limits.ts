import { z } from 'zod';

import { Hex32 } from '../names.js';
import { Rate } from '../rates.js';

const NOTHING_GIVEN = 'upload or download must be given';

/** A change of limits; what is left out stays, null lifts a limit. */
export const LimitsChange = z
  .strictObject({
    /** Of this artifact only; else of all together. */
    artifact: Hex32.optional(),
    upload: Rate.optional(),
    download: Rate.optional(),
  })
  .refine(({ upload, download }) => upload !== undefined || download !== undefined, NOTHING_GIVEN);
export type LimitsChange = z.infer<typeof LimitsChange>;

/** Limits of a process, bytes a second. Of its own limit and that of its artifact the tighter one holds. */
export const LimitsState = z.object({
  upload: Rate,
  download: Rate,
  /** Artifacts with limits of their own. */
  artifacts: z.array(z.object({ artifact: Hex32, upload: Rate, download: Rate })),
});
export type LimitsState = z.infer<typeof LimitsState>;

/** `default` gives up what was set: each replica goes by what it was started with, an artifact has no limit. */
const OriginRate = z.union([Rate, z.literal('default')]);

/** A change of limits of the origin, for all its replicas and for good. */
export const OriginLimitsChange = z
  .strictObject({
    artifact: Hex32.optional(),
    upload: OriginRate.optional(),
    download: OriginRate.optional(),
  })
  .refine(({ upload, download }) => upload !== undefined || download !== undefined, NOTHING_GIVEN);
export type OriginLimitsChange = z.infer<typeof OriginLimitsChange>;

/**
 * Limits of the origin, bytes a second. Each replica holds to them by itself: several together send up
 * to as many times as much. A replica of an earlier version says neither what was set nor who seeds: its
 * limits are its own, until it ends.
 */
export const OriginLimits = LimitsState.extend({
  /** Of `upload` and `download` what was set for all; the rest is what the asked replica was started with. */
  set: z.object({ upload: Rate.optional(), download: Rate.optional() }).optional(),
  /** Replicas that seed now. */
  seeders: z.number().int().optional(),
});
export type OriginLimits = z.infer<typeof OriginLimits>;
