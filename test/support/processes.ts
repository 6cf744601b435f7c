import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The command as it is installed: what the suites drive is what people run. */
export const FLEETSEED = join(import.meta.dirname, '../../bin/fleetseed');

/** Of stderr, this much is kept for the message of a failure. */
const KEPT_STDERR = 64 * 1024;

export type Environment = Readonly<Record<string, string>>;
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a command did. */
export interface CommandOutcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall-clock time from exec to exit, milliseconds. */
  readonly ms: number;
  /** The last line of stdout as JSON. @throws when it is none; the message has all output. */
  json<T = JsonObject>(): T;
}

interface RunOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Descriptors that it may have at most; those of this process by default. */
  readonly openFiles?: number;
}

/** Children that are alive: none outlives the test process, however that ends. */
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Runs a command to its end. @throws when it takes longer than `timeoutMs` (60 s by default) */
export async function runFleetseed(
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandOutcome> {
  const began = performance.now();
  const child = launch(args, options);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  const told = `fleetseed ${args.join(' ')}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
  if (code === null) throw new Error(`Ended by ${signal}: ${told}`);
  return {
    exit: code,
    stdout,
    stderr,
    ms: performance.now() - began,
    json: <T>() => lastJson(stdout, told) as T,
  };
}

/**
 * A command that goes on running and says what happens in JSON lines on stdout (`ready`, `done`).
 * It is ended by `stop` (SIGTERM) or `kill`, by its own process id only.
 */
export class ServiceProcess {
  readonly child: ChildProcess;
  /** Every JSON line of stdout so far. */
  readonly events: JsonObject[] = [];
  /** Settles with the exit code, or the name of the signal, when the process has ended. */
  readonly ended: Promise<number | string>;
  private readonly waiting = new Set<() => void>();
  private errors = '';
  private over = false;

  constructor(
    private readonly args: readonly string[],
    options: RunOptions = {},
  ) {
    this.child = launch(args, options);
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-KEPT_STDERR);
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.#line(line));
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.over = true;
      this.#wake();
      return (code as number | null) ?? (signal as string);
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** What it wrote to stderr, the end of it. */
  get stderr(): string {
    return this.errors;
  }

  /**
   * Waits for a JSON line with this `event`, and with these fields if there are several of them.
   * @throws when the process ends before, or it is late
   */
  async event(name: string, timeoutMs = 30_000, fields: JsonObject = {}): Promise<JsonObject> {
    const end = performance.now() + timeoutMs;
    const wanted = Object.entries({ event: name, ...fields });
    for (;;) {
      const found = this.events.find((event) =>
        wanted.every(([field, value]) => event[field] === value),
      );
      if (found) return found;
      const left = end - performance.now();
      if (this.over) throw new Error(`It ended before "${name}": ${this.#told()}`);
      if (left <= 0) throw new Error(`No "${name}" within ${timeoutMs} ms: ${this.#told()}`);
      await this.#news(left);
    }
  }

  /** Asks it to end. @returns its exit code; after `timeoutMs` it is killed, and that is an error */
  async stop(timeoutMs = 10_000): Promise<number> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    const end = await this.ended;
    clearTimeout(timer);
    if (typeof end === 'number') return end;
    throw new Error(`It did not end by itself (${end}): ${this.#told()}`);
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  #line(line: string): void {
    try {
      const value = JSON.parse(line) as unknown;
      if (typeof value === 'object' && value !== null) this.events.push(value as JsonObject);
    } catch {
      // Words between the events are for people.
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.waiting) wake();
  }

  async #news(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.waiting.delete(resolve);
  }

  #told(): string {
    const said = this.events.map((event) => JSON.stringify(event)).join('\n');
    return `fleetseed ${this.args.join(' ')}\n--- events\n${said}\n--- stderr\n${this.errors}`;
  }
}

function launch(args: readonly string[], { env, cwd, openFiles }: RunOptions): ChildProcess {
  const limited = ['-c', `ulimit -n ${openFiles} && exec "$0" "$@"`, FLEETSEED];
  const [program, before] = openFiles === undefined ? [FLEETSEED, []] : ['/bin/sh', limited];
  const child = spawn(program, [...before, ...args], {
    cwd,
    // Nothing of the machine's own settings leaks into a test.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  alive.add(child);
  child.once('close', () => alive.delete(child));
  return child;
}

function lastJson(stdout: string, told: string): unknown {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`The last line is not JSON: ${told}`);
  }
}
