import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';

/** A tracker that announces go to, over UDP at port 6969 of its host. */
export interface TrackerContestant {
  readonly name: string;
  /** The Debian package it comes from; null for our own. */
  readonly package: string | null;
  /** Null when it is not installed. */
  readonly version: string | null;
  readonly settings: string;
  /**
   * @param folder empty, removed afterwards.
   * @param hashes that will be announced, a line each in hex.
   */
  start(host: Host, folder: string, hashes: readonly string[]): Promise<StartedTracker>;
}

export interface StartedTracker {
  /** The tracker first, then what it keeps its peers in. */
  readonly programs: readonly Program[];
  /** Where to announce in each of the swarms, when it is not in those that were asked for. */
  readonly swarms?: readonly NamedSwarm[];
  /** The longest time that its event loop stood still since it was last asked, ms; where it can tell. */
  readonly longestPause?: () => Promise<number>;
}

export interface NamedSwarm {
  /** Hex. */
  readonly infoHash: string;
  /** Of the announce URL, with a key perhaps. */
  readonly path: string;
}
