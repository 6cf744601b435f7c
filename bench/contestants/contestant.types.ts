import type { Payload } from '../measure/payload.ts';
import type { Network } from '../net/network.ts';
import type { Program } from '../net/program.ts';

export interface Stage {
  readonly network: Network;
  readonly payload: Payload;
  /** An empty folder on tmpfs, removed afterwards. */
  readonly folder: string;
}

/** One delivery: the seed has everything and serves, the downloaders wait (or are started by the start). */
export interface Race {
  readonly seed: Program;
  /** One a host, in the order of the network's hosts; empty before the start where the start makes them. */
  readonly downloaders: readonly Program[];
  start(): Promise<void>;
  /** Waits until a downloader has everything, verified if it verifies. @returns seconds by its clock */
  complete(host: number): Promise<number>;
  fileOf(host: number): string;
}

export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** From what to what the seconds are. */
  readonly clock: string;
  /** How it differs from its defaults. */
  readonly settings: string;
  prepare(stage: Stage): Promise<Race>;
}
