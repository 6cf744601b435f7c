import { z } from 'zod';

import { Timestamp } from '../names.js';

export const Job = z.object({
  job: z.string(),
  name: z.string(),
  state: z.enum(['waiting', 'active', 'done', 'failed', 'cancelled']),
  /** 0 to 1. */
  progress: z.number(),
  /** What it is doing, a short phrase; null when it does not say. */
  step: z.string().nullable(),
  attempts: z.number().int().nonnegative(),
  createdAt: Timestamp,
  finishedAt: Timestamp.nullable(),
  /** What it resulted in; null before it is done. */
  result: z.unknown(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type Job = z.infer<typeof Job>;
