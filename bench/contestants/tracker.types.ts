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
  start(host: Host, folder: string, hashes: string): Promise<Program>;
}
