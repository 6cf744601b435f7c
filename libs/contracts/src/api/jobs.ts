import { z } from 'zod';

import { Timestamp } from '../names.js';

export const Job = z.object({
  job: z.string(),
  name: z.string(),
  /** What it is about, as `app@version`; null for work on the depot as a whole. */
  about: z.string().nullable().default(null),
  /** Where an import fetches from, without user, password and query; null for other jobs. */
  from: z.string().nullable().default(null),
  state: z.enum(['waiting', 'active', 'done', 'failed', 'cancelled']),
  /** 0 to 1. */
  progress: z.number(),
  /** What it is doing, a short phrase; null when it does not say. */
  step: z.string().nullable(),
  /** Whether it can be cancelled. */
  cancellable: z.boolean().default(false),
  attempts: z.number().int().nonnegative(),
  createdAt: Timestamp,
  finishedAt: Timestamp.nullable(),
  /** What it resulted in; null before it is done. */
  result: z.unknown(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type Job = z.infer<typeof Job>;
