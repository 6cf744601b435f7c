import { z } from 'zod';

import { Timestamp } from '../names.js';

export const NotificationEvent = z.enum([
  'release.published',
  'channel.moved',
  'content.damaged',
  'content.repaired',
]);
export type NotificationEvent = z.infer<typeof NotificationEvent>;

/** What a receiver is told, without `v`; and `outbox/<id>.json` until it has taken it. */
export const Notification = z.looseObject({
  v: z.literal(1),
  /** Follows from the event: one that is told twice has the same. 32 hex digits. */
  id: z.string(),
  event: NotificationEvent,
  at: Timestamp,
  /** The release, the channel's new state, or what was damaged: `object`, `root` and `releases`. */
  data: z.unknown(),
});
export type Notification = z.infer<typeof Notification>;
