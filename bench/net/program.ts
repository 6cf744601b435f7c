import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { undoAtExit } from './undo.ts';

const KEPT_OUTPUT = 16 * 1024;
const PATIENCE_MS = 12_000;

/** A line of stdout, and when it came (`performance.now`, ms). */
export interface Line {
  readonly text: string;
  readonly at: number;
}

/** It goes on, but what it should say has not come. */
export class TooLate extends Error {}

/** A process, followed by the lines it prints; ended by its own id only. */
export class Program {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #ended: Promise<number | string>;
  #over = false;
  #errors = '';
  #wake = Promise.withResolvers<void>();
  readonly name: string;

  constructor(name: string, words: readonly string[]) {
    this.name = name;
    this.#child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    const kill = undoAtExit(() => this.#child.kill('SIGKILL'));
    // Something written to a program that has ended; that it ended is told anyway.
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-KEPT_OUTPUT);
    });
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      this.#lines.push({ text, at: performance.now() });
      this.#news();
    });
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#over = true;
      kill();
      this.#news();
      return (code as number | null) ?? (signal as string);
    });
  }

  get running(): boolean {
    return !this.#over;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /**
   * The first line that contains `part`, or matches it, past or future.
   * @throws TooLate; another error when it ends before
   */
  line(part: string | RegExp, timeoutMs = 300_000): Promise<Line> {
    return this.next(null, part, timeoutMs);
  }

  /** The first such line after `last`, which is one of its lines; null for the first of all. */
  async next(last: Line | null, part: string | RegExp, timeoutMs: number): Promise<Line> {
    const fits = (text: string) => (part instanceof RegExp ? part.test(text) : text.includes(part));
    const from = last === null ? 0 : this.#lines.indexOf(last) + 1;
    const until = performance.now() + timeoutMs;
    for (;;) {
      const found = this.#lines.slice(from).find(({ text }) => fits(text));
      if (found) return found;
      const left = until - performance.now();
      if (this.#over) throw this.#failure(`ended before it said ${part}`);
      if (left <= 0) throw new TooLate(this.#account(`did not say ${part} in time`));
      await this.#change(left);
    }
  }

  /** The first JSON line that has this `event`. */
  async event(
    event: string,
    timeoutMs?: number,
  ): Promise<Record<string, unknown> & { at: number }> {
    const { text, at } = await this.line(`"event":"${event}"`, timeoutMs);
    return { ...(JSON.parse(text) as Record<string, unknown>), at };
  }

  /** @throws with what it said when it has ended */
  requireAlive(): void {
    if (this.#over) throw this.#failure('ended');
  }

  /** Writes a line to its stdin; with `end` the last one. */
  say(text: string, end = false): void {
    this.#child.stdin!.write(`${text}\n`);
    if (end) this.#child.stdin!.end();
  }

  /** Waits for its end. @returns its stdout. @throws when it failed or takes too long */
  async finished(timeoutMs: number): Promise<string> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
    const exit = await this.#ended;
    clearTimeout(timer);
    if (exit !== 0) throw this.#failure(`ended with ${exit}`);
    return this.#output();
  }

  /** Ends it at once, as a crash of its machine would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async stop(): Promise<void> {
    if (this.#over) return;
    this.#child.kill('SIGTERM');
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    await this.#ended;
    clearTimeout(impatient);
  }

  #output(): string {
    return this.#lines.map(({ text }) => text).join('\n');
  }

  #failure(what: string): Error {
    return new Error(this.#account(what));
  }

  #account(what: string): string {
    const output = this.#output().slice(-KEPT_OUTPUT);
    return `${this.name} ${what}\n--- stdout\n${output}\n--- stderr\n${this.#errors}`;
  }

  #news(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async #change(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)));
    await Promise.race([this.#wake.promise, late]);
    clearTimeout(timer);
  }
}
