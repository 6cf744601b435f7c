import { join } from 'node:path';

import type { Origin } from '../contestants/fleetseed-origin.ts';
import type { Host } from '../net/host.ts';
import type { Line, Program } from '../net/program.ts';

const PROGRAM = join(import.meta.dirname, 'agent-crowd.ts');
const ENTER_MS = 300_000;
const TOLD_MS = 120_000;

export interface CrowdPlan {
  readonly agents: number;
  readonly app: string;
  readonly channel: string;
  /** What they announce: v2 info-hash. */
  readonly artifact: string;
}

/** How long it took until agents were told that the channel moved; milliseconds from the request on. */
export interface Told {
  /** Until the request was answered. */
  readonly answered: number;
  readonly first: number;
  readonly middle: number;
  readonly last: number;
}

/** Agents that are connected to an origin and do nothing but listen. */
export class Crowd {
  #last: Line | null = null;
  readonly #program: Program;
  /** Seconds until all had joined and their streams were open. */
  readonly seconds: number;
  /** What each of them asks for when it announces, a line each. */
  readonly pathsFile: string;

  private constructor(program: Program, seconds: number, pathsFile: string) {
    this.#program = program;
    this.seconds = seconds;
    this.pathsFile = pathsFile;
  }

  static async enter(host: Host, origin: Origin, folder: string, plan: CrowdPlan): Promise<Crowd> {
    const pathsFile = join(folder, 'announce.paths');
    const program = host.start('agents', [
      [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM],
      ['--origin', origin.url, '--admin', origin.adminToken, '--join', origin.joinToken],
      ['--agents', String(plan.agents), '--app', plan.app, '--channel', plan.channel],
      ['--artifact', plan.artifact, '--paths', pathsFile],
    ]);
    const { seconds } = await program.event('ready', ENTER_MS);
    return new Crowd(program, Number(seconds), pathsFile);
  }

  /** Moves the channel and waits until the last agent was told. */
  async move(version: string): Promise<Told> {
    this.#program.say(`move ${version}`);
    this.#last = await this.#program.next(this.#last, '"event":"told"', TOLD_MS);
    return JSON.parse(this.#last.text) as Told;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
