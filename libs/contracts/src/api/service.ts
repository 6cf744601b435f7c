import { z } from 'zod';

/** `GET /api/v1/service`: answered without a token, so that a client can tell whom it talks to. */
export const ServiceInfo = z.object({
  service: z.literal('fleetseed'),
  version: z.string(),
  api: z.literal(1),
});
export type ServiceInfo = z.infer<typeof ServiceInfo>;

/** The `ready` line that `fleetseed origin` prints when it serves. */
export const OriginReady = z.object({
  event: z.literal('ready'),
  api: z.string(),
  dashboard: z.string(),
  tracker: z.string(),
  udpTracker: z.string().nullable(),
  peer: z.string(),
  pid: z.number().int(),
});
export type OriginReady = z.infer<typeof OriginReady>;
