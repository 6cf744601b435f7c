import { z } from 'zod';

import { Timestamp } from '../names.js';

export const Job = z.object({
  job: z.string(),
  name: z.string(),
  state: z.enum(['waiting', 'active', 'done', 'failed']),
  /** 0 to 1. */
  progress: z.number(),
  attempts: z.number().int().nonnegative(),
  createdAt: Timestamp,
  finishedAt: Timestamp.nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type Job = z.infer<typeof Job>;
