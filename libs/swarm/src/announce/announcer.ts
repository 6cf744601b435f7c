import type { InfoHashKind } from '#lib/torrent';
import type { PeerFlags } from '#lib/wire';

/** Where a peer listens. */
export interface PeerAddress {
  /** An IPv4 or IPv6 address, or a host name when the tracker speaks in names. */
  readonly host: string;
  readonly port: number;
  /** The info-hash that the peer announced, which it is dialled with; absent when nobody can tell. */
  readonly hash?: InfoHashKind;
  /** What our own tracker tells members about a peer; absent from others. */
  readonly flags?: PeerFlags;
}

export type AnnounceEvent = 'started' | 'stopped' | 'completed' | 'none';

/** What a tracker is told. Byte counts are payload bytes since `started`. */
export interface AnnounceRequest {
  readonly event: AnnounceEvent;
  readonly uploaded: number;
  readonly downloaded: number;
  /** Payload bytes that are still lacking. */
  readonly left: number;
  /** How many peers are wanted; 0 when only to be counted. */
  readonly numWant: number;
  /** BEP 21: incomplete, and not going to download more. */
  readonly paused?: boolean;
}

export interface AnnounceAnswer {
  /** When to announce again without cause, milliseconds. */
  readonly intervalMs: number;
  /** No announce is welcome before this many milliseconds, `stopped` and `completed` excepted. */
  readonly minIntervalMs: number;
  readonly peers: readonly PeerAddress[];
  readonly warning?: string;
  /** Complete peers, and downloading ones, as the tracker counts them; absent when it does not tell. */
  readonly complete?: number;
  readonly incomplete?: number;
  /** BEP 24: how the tracker sees us. */
  readonly externalIp?: string;
}

/**
 * Where peers come from. `announce` resolves with the first answer that a tracker gives, and rejects
 * with TRACKER_ANSWER_INVALID (nonsense, or it refused: the reason is in the message),
 * ORIGIN_UNREACHABLE (no tracker answered), TIMED_OUT or ABORTED.
 *
 * After a failure the caller waits `retryAfterMs()` before it tries again. It grows with each failure
 * in a row, is spread by chance so that a crowd does not come back together, and is Infinity when the
 * tracker said "never" (BEP 31).
 */
export interface Announcer {
  announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer>;
  retryAfterMs(): number;
}
