import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

type Line = Record<string, unknown>;

/** A part of the product, run as its own process; each JSON line it prints is an event. */
export class Service {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #waiting: (() => void)[] = [];
  #ended: string | null = null;

  readonly name: string;

  constructor(name: string, command: string, words: readonly string[], logFile: string) {
    this.name = name;
    this.#child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(logFile);
    this.#child.stderr!.pipe(log);
    this.#child.once('exit', (code, signal) => {
      this.#ended = `${name} ended (${signal ?? code}); its log is ${logFile}`;
      this.#wake();
    });
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      this.#lines.push(JSON.parse(text) as Line);
      this.#wake();
    });
  }

  /** The first line that matches, past or future. @throws when the process ends before */
  async line(matches: (line: Line) => boolean, timeoutMs = 120_000): Promise<Line> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const found = this.#lines.find(matches);
      if (found) return found;
      if (this.#ended !== null) throw new Error(this.#ended);
      const left = until - performance.now();
      if (left <= 0) throw new Error(`${this.name} did not get there in ${timeoutMs / 1000} s`);
      await this.#change(left);
    }
  }

  async stop(): Promise<void> {
    if (this.#ended !== null) return;
    this.#child.kill('SIGTERM');
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), 12_000);
    await new Promise((resolve) => this.#child.once('exit', resolve));
    clearTimeout(impatient);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #change(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiting.push(resolve);
    await promise;
    clearTimeout(timer);
  }
}

/** Runs a command to its end with the terminal attached, so that its progress bars show. */
export async function run(command: string, words: readonly string[]): Promise<string> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command} ${words[0]} ended with ${String(code)}: ${output}`);
  return output;
}
