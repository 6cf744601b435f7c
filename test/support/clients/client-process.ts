import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import type { ClientProgress } from './client.types.js';

const KEPT_LOG = 32 * 1024;
const PATIENCE_MS = 5000;
const BETWEEN_LOOKS_MS = 100;

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A program of somebody else's, with the end of what it says kept for the message of a failure. */
export class ClientProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  #log = '';
  #over = false;

  constructor(
    readonly name: string,
    command: string,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.child = spawn(command, words, {
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    alive.add(this.child);
    // A command written to a program that ended by itself; that it ended is told anyway.
    this.child.stdin!.on('error', () => undefined);
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.note(text));
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      alive.delete(this.child);
      this.#over = true;
      this.note(`\n(ended: ${String(signal ?? code)})\n`);
    });
  }

  get over(): boolean {
    return this.#over;
  }

  get log(): string {
    return this.#log;
  }

  note(text: string): void {
    this.#log = (this.#log + text).slice(-KEPT_LOG);
  }

  /** @returns an error that says what was awaited, and what the program said. */
  failure(what: string, progress?: ClientProgress | null): Error {
    const figures = progress ? `\n--- figures\n${JSON.stringify(progress)}` : '';
    return new Error(`${this.name}: ${what}${figures}\n--- log\n${this.#log}`);
  }

  /**
   * Looks until `look` gives something. These programs have no way to tell that something changed.
   * @throws when the signal aborts or the program ends first
   */
  async until<T>(what: string, signal: AbortSignal, look: () => Promise<T | null>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (this.#over) throw this.failure(`ended before ${what}`);
      if (signal.aborted) throw this.failure(`${what} did not happen in time`);
      await pause(BETWEEN_LOOKS_MS);
    }
  }

  /** Does what makes it ready; when that fails the program is ended. */
  async begin<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (!this.#over) this.child.kill('SIGTERM');
    const impatient = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    await this.ended;
    clearTimeout(impatient);
  }
}

/** A port that is free on this address now; nobody else is promised to leave it so. */
export async function freePort(address: string): Promise<number> {
  const server = createServer();
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (bound === null || typeof bound === 'string') throw new Error(`No port on ${address}.`);
  return bound.port;
}

/** What every client's `whenComplete` is. */
export async function completed(
  program: ClientProcess,
  signal: AbortSignal,
  progress: () => Promise<ClientProgress>,
): Promise<ClientProgress> {
  let last: ClientProgress | null = null;
  try {
    return await program.until('the last byte', signal, async () => {
      last = await progress();
      return last.complete ? last : null;
    });
  } catch (error) {
    if (last === null) throw error;
    throw program.failure('did not complete', last);
  }
}
