import type { Payload } from '../measure/payload.ts';
import type { Network } from '../net/network.ts';
import type { Program } from '../net/program.ts';

/** What one host of a network does. */
export interface HostPlan {
  /** Its link, up and down alike, in 10⁶ bits a second; infinite without shaping. */
  readonly mbit: number;
  /** Where it stands; null without zones. */
  readonly zone: number | null;
  /** Seconds after the first. */
  readonly startsAfter: number;
  readonly client: 'own' | 'aria2';
  /** SIGKILL once its interface received half of the payload's bytes. */
  readonly killed: boolean;
}

export interface Stage {
  readonly network: Network;
  /** One a host, in the order of the network's hosts. */
  readonly plans: readonly HostPlan[];
  readonly payload: Payload;
  /** An empty folder, removed afterwards. */
  readonly folder: string;
}

/** One delivery: the seed has everything and serves, the downloaders wait (or are started by the start). */
export interface Race {
  readonly seed: Program;
  /** One a host, in the order of the network's hosts; empty before the start where the start makes them. */
  readonly downloaders: readonly Program[];
  /** Hosts that start together: all that have the same `startsAfter`. */
  start(hosts: readonly number[]): Promise<void>;
  /**
   * Waits until a downloader has everything, verified if it verifies.
   * @returns seconds from its start, by its clock @throws TooLate
   */
  complete(host: number, patienceMs: number): Promise<number>;
  /** Where the copy of the payload is: a file, or the root of the tree. */
  contentOf(host: number): string;
}

export interface Contestant {
  readonly name: string;
  /** Null when it is not installed. */
  readonly version: string | null;
  /** Where it comes from when it is not. */
  readonly debianPackage: string | null;
  /** From what to what the seconds are. */
  readonly clock: string;
  /** How it differs from its defaults. */
  readonly settings: string;
  prepare(stage: Stage): Promise<Race>;
}
