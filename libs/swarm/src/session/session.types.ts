import type { Clock, Logger, Random } from '#lib/runtime';

import type { SpanHasher } from '../hashing/span-hasher.js';
import type { PeerTimeouts } from '../peer/peer.types.js';

export interface SessionOptions {
  /** Where to accept connections; nothing is accepted when left out. Port 0 takes any free one. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Told to peers instead of the port we listen on, as behind a proxy. */
  readonly advertisedPort?: number;
  /** Memory for all receiving and sending, bytes; 48 MiB by default. */
  readonly memoryBudget?: number;
  /** A HashPool; the session does not close it. */
  readonly hasher: SpanHasher;
  /** Bytes a second of all torrents together; null for no limit. */
  readonly downloadLimit?: number | null;
  readonly uploadLimit?: number | null;
  /**
   * Connections at most, of all torrents together; by default 1,000, and no more than half the descriptors
   * that the process may have beyond a reserve.
   */
  readonly maxConnections?: number;
  /** Connections at most with one address; 64 by default: machines may share one behind NAT. */
  readonly maxConnectionsPerHost?: number;
  /** Connections at most that are not known yet; 256 by default. */
  readonly maxHalfOpen?: number;
  /** Of those with one address; 64 by default. */
  readonly maxHalfOpenPerHost?: number;
  /** Transfers sent at the same time, of all torrents together. */
  readonly uploadsAtOnce?: number;
  /** Milliseconds until a dial is given up; 5,000 by default. */
  readonly dialTimeoutMs?: number;
  readonly timeouts?: Partial<PeerTimeouts>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface SessionStats {
  readonly torrents: number;
  readonly connections: number;
  readonly halfOpen: number;
  readonly bannedPeers: number;
  /** Connections that were refused or closed for what the peer did, since the start. */
  readonly refused: number;
  /** Bytes of the memory budget that are lent. */
  readonly memoryUsed: number;
  /** Transfers being sent. */
  readonly uploads: number;
  /** Bytes read from peers since the start, whatever they were for. */
  readonly received: number;
}
