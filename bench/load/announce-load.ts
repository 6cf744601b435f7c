import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { NamedSwarm } from '../contestants/tracker.types.ts';
import { command, versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Line, Program } from '../net/program.ts';

const SOURCE = join(import.meta.dirname, 'announce-load.c');
const PATIENCE_MS = 1_200_000;

/** Which hosts are in which swarms. */
export interface Shape {
  readonly title: string;
  readonly hosts: number;
  readonly swarms: number;
  /** One host in each swarm, instead of every host in every swarm. */
  readonly diagonal: boolean;
  /** Different places that announce while it is measured; all by default. */
  readonly active?: number;
  /** A file that names the swarms, which are made up without it: see the generator. */
  readonly swarmFile?: string;
}

export const peersOf = ({ hosts, swarms, diagonal }: Shape) => (diagonal ? swarms : hosts * swarms);

/** What the generator saw; latencies in microseconds. */
export interface LoadResult {
  readonly announces: number;
  /** Those of the warm-up too. */
  readonly answered: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly connects: number;
  readonly lost: number;
  readonly errors: number;
  readonly bad: number;
  readonly peersPerAnswer: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The C compiler that the generator needs; null where there is none. */
export const compiler = versionOf(/(\d+\.\d+\.\d+)/, 'gcc', '--version');

/** Builds the generator. @returns its path */
export function buildLoad(folder: string): string {
  if (compiler === null)
    throw new Error('The load generator needs gcc (apt-get install gcc libc6-dev).');
  const program = join(folder, 'announce-load');
  command('gcc', ['-O2', '-Wall', '-Wextra', '-o', program, SOURCE]);
  return program;
}

/** Lets all hosts announce once in each of their swarms, asking for nobody. */
export function fill(
  host: Host,
  program: string,
  target: string,
  shape: Shape,
): Promise<LoadResult> {
  return run(host, program, target, shape, ['--fill', '--want', '0']);
}

/** Random places announce again, asking for 50 peers: as fast as they are answered, or `rate` a second. */
export function load(
  host: Host,
  program: string,
  target: string,
  shape: Shape,
  seconds: number,
  rate: number | null,
): Promise<LoadResult> {
  const words = ['--want', '50', '--seconds', String(seconds)];
  if (rate !== null) words.push('--rate', String(rate));
  return run(host, program, target, shape, words);
}

/** The info-hashes of a shape, in hex. */
export function hashesOf(program: string, { swarms }: Shape): string[] {
  return command(program, '--hashes', String(swarms)).trim().split('\n');
}

/** The same shape in swarms that have names; the file goes into `folder`. */
export function inSwarms(shape: Shape, swarms: readonly NamedSwarm[], folder: string): Shape {
  const swarmFile = join(folder, 'swarms');
  writeFileSync(swarmFile, swarms.map(({ infoHash, path }) => `${infoHash} ${path}\n`).join(''));
  return { ...shape, swarmFile };
}

function wordsOf({ hosts, swarms, diagonal, active, swarmFile }: Shape): string[] {
  const words = ['--hosts', String(hosts), '--swarms', String(swarms)];
  if (diagonal) words.push('--diagonal');
  if (active !== undefined) words.push('--active', String(active));
  if (swarmFile !== undefined) words.push('--swarm-file', swarmFile);
  return words;
}

async function run(
  host: Host,
  program: string,
  target: string,
  shape: Shape,
  words: readonly string[],
): Promise<LoadResult> {
  const output = await host.run(
    'announce-load',
    [program, '--target', target, wordsOf(shape), words],
    PATIENCE_MS,
  );
  const result = JSON.parse(output) as LoadResult;
  if (result.bad > 0) throw new Error(`${result.bad} answers were none: ${output}`);
  return result;
}

const SAID_MS = 20_000;

/** Announces at a fixed rate, until it is stopped. */
export class AnnounceStream {
  readonly #program: Program;
  #last: Line | null = null;

  /** @param program the generator, see {@link buildLoad} */
  constructor(host: Host, program: string, shape: Shape, rate: number, want: number) {
    this.#program = host.start('udp-announces', [
      [program, '--target', host.address, '--reports', '--rate', String(rate)],
      ['--want', String(want), ...wordsOf(shape)],
    ]);
  }

  /** Since the last one, or the start. */
  async report(): Promise<LoadResult> {
    this.#program.say('report');
    this.#last = await this.#program.next(this.#last, '"event":"report"', SAID_MS);
    return JSON.parse(this.#last.text) as LoadResult;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
