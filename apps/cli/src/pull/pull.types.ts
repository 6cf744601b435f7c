import type { Metainfo } from '#lib/torrent';

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

/** Payload bytes of one pull, by where they came from. */
export interface PullBytes {
  readonly fromOrigin: number;
  readonly fromPeers: number;
  /** Found on this machine. */
  readonly reused: number;
  /** Received in vain. */
  readonly wasted: number;
}
