import { FleetseedError } from '#lib/contracts';
import type { AnnounceAnswer as WireAnswer, TrackerFailure } from '#lib/wire';

import type { AnnounceRequest } from './announcer.js';
import type { Tracker } from './tracker-tiers.js';

/** Who announces: the same for every tracker. */
export interface AnnounceIdentity {
  /** 20 bytes. */
  readonly peerId: Buffer;
  /** Where we listen. */
  readonly port: number;
  /** HOST:PORT at which members can dial us, when it is not the address the tracker sees. */
  readonly advertise?: string;
  /** By which the tracker knows us again after our address changed. */
  readonly key?: string;
}

/**
 * One way to speak to trackers. `ask` tells one tracker of one info-hash (20 bytes) and gives its
 * answer, or what it refused with; it rejects with TRACKER_ANSWER_INVALID for nonsense, with the
 * signal's reason when that aborts, or with an error of the network.
 */
export interface TrackerClient {
  ask(
    tracker: Tracker,
    infoHash: Buffer,
    what: AnnounceRequest,
    signal?: AbortSignal,
  ): Promise<WireAnswer | TrackerFailure>;
}

/** The URL has the caller's key in it: only its host is told. */
export function failureOf(thrown: unknown, url: string, signal?: AbortSignal): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const host = URL.canParse(url) ? new URL(url).host : '';
  const cause = { cause: thrown };
  if (signal?.aborted) return new FleetseedError('ABORTED', 'The announce was aborted.', {}, cause);
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new FleetseedError('TIMED_OUT', `The tracker ${host} did not answer.`, { host }, cause);
  }
  const text = `The tracker ${host} could not be reached.`;
  return new FleetseedError('ORIGIN_UNREACHABLE', text, { host }, cause);
}
