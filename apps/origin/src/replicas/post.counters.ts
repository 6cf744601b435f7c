/**
 * What became of a message: `dropped` was told while nobody could hear it or was too long, `unknown` is
 * of a topic that nobody here listens to, `refused` has the wrong form, `failed` was not dealt with.
 */
export type MessageFate = 'sent' | 'dropped' | 'received' | 'unknown' | 'refused' | 'failed';

/** What went over the bus since the process began, and how often others were looked at besides. */
export class PostCounters {
  readonly messages: Record<MessageFate, number> = {
    sent: 0,
    dropped: 0,
    received: 0,
    unknown: 0,
    refused: 0,
    failed: 0,
  };
  readonly looks = { done: 0, failed: 0 };
}
