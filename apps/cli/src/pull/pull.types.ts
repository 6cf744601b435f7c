import type { Logger } from '#lib/runtime';
import type { HashPool, Session } from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import type { OriginApi } from '../connection/origin-api.js';
import type { Output } from '../output/output.js';
import type { Prefetched } from './prefetch.js';

/** One call of `pull`: what it is asked for, and what it works with. */
export interface PullCall {
  readonly api: OriginApi;
  readonly output: Output;
  readonly app: string;
  readonly version: string;
  readonly prefetched: Prefetched;
  /** Paths of files and folders; none for all of it. */
  readonly select: readonly string[];
  /** Files that stand there and are not right are put right. */
  readonly repairing: boolean;
  readonly seeding: boolean;
  readonly session: Session;
  readonly hasher: HashPool;
  /** HOST:PORT under which peers reach us, when that is not where our connections come from. */
  readonly advertise: string | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** When it began, as `performance.now()` has it. */
  readonly began: number;
  /** Says that `name` is seeded, and resolves when the user stops it. */
  untilStopped(name: string): Promise<void>;
}

/** What is pulled, and to where. */
export interface PullTarget {
  readonly app: string;
  readonly version: string;
  /** Hex of the v2 info-hash. */
  readonly artifact: string;
  readonly metainfo: Metainfo;
  /** Where the content is to stand: `DIR/<name>`. */
  readonly root: string;
}

/** A file that was not as it was pushed. */
export interface BadFile {
  /** With slashes, from the root of the tree; the name of an artifact that is one file. */
  readonly path: string;
  /** Bytes of its pieces that were wrong or lacking. */
  readonly badBytes: number;
}

/** Payload bytes of one pull, by where they came from. */
export interface PullBytes {
  readonly fromOrigin: number;
  readonly fromPeers: number;
  /** Found on this machine. */
  readonly reused: number;
  /** Received in vain. */
  readonly wasted: number;
}
