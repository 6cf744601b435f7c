import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { command } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Line, Program } from '../net/program.ts';

const SOURCE = join(import.meta.dirname, 'http-load.c');
const SAID_MS = 20_000;

/** What was asked and answered since the last report; latencies in microseconds, from when a request was due. */
export interface HttpReport {
  readonly seconds: number;
  readonly answered: number;
  readonly failed: number;
  /** Due, and not answered yet. */
  readonly waiting: number;
  readonly bytes: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of the first that failed; empty when none did. */
  readonly failure: string;
}

export interface HttpLoadOptions {
  readonly url: string;
  /** Each has a connection of its own. */
  readonly paths: readonly string[] | { readonly file: string };
  /** Requests a second, of all paths in turn. */
  readonly rate: number;
  readonly header?: string;
  /** For its files; exists. */
  readonly folder: string;
  readonly name: string;
}

/** GET requests at a fixed rate, by a program that takes little of the machine itself. */
export class HttpLoad {
  readonly #program: Program;
  #last: Line | null = null;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(host: Host, options: HttpLoadOptions): Promise<HttpLoad> {
    const { url, paths, rate, header, folder, name } = options;
    const program = join(folder, 'http-load');
    command('gcc', ['-O2', '-Wall', '-Wextra', '-o', `${program}-${name}`, SOURCE]);
    let file: string;
    if ('file' in paths) file = paths.file;
    else writeFileSync((file = join(folder, `${name}.paths`)), `${paths.join('\n')}\n`);
    const { hostname, port } = new URL(url);
    const started = host.start(name, [
      [`${program}-${name}`, '--host', hostname, '--port', port, '--rate', String(rate)],
      ['--paths', file, ...(header === undefined ? [] : ['--header', header])],
    ]);
    await started.event('ready', SAID_MS);
    return new HttpLoad(started);
  }

  /** Since the last one, or the start. */
  async report(): Promise<HttpReport> {
    this.#program.say('report');
    this.#last = await this.#program.next(this.#last, '"event":"report"', SAID_MS);
    return JSON.parse(this.#last.text) as HttpReport;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
