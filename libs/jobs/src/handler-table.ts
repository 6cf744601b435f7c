import { FleetseedError } from '#lib/contracts';

import type { HandlerOptions, JobHandler } from './job-queue.js';

interface Registered {
  readonly handler: JobHandler<unknown, unknown>;
  readonly timeoutMs: number;
  readonly atOnce: number;
}

const TIMEOUT_MS = 600_000;

/** Exactly one handler for every declared name: a lacking one shows at start, not at night. */
export class HandlerTable {
  readonly #handlers = new Map<string, Registered>();

  constructor(private readonly names: readonly string[]) {}

  /** @throws CONFIG_INVALID */
  register(name: string, handler: JobHandler<unknown, unknown>, options: HandlerOptions): void {
    if (!this.names.includes(name)) throw invalid('A handler is for no job of the table.', name);
    if (this.#handlers.has(name)) throw invalid('A job has two handlers.', name);
    const { timeoutMs = TIMEOUT_MS, atOnce = Number.POSITIVE_INFINITY } = options;
    this.#handlers.set(name, { handler, timeoutMs, atOnce });
  }

  /** @throws CONFIG_INVALID */
  assertComplete(): void {
    const lacking = this.names.filter((name) => !this.#handlers.has(name));
    if (lacking.length > 0) throw invalid('Jobs have no handler.', lacking.join(', '));
  }

  /** @throws REQUEST_INVALID */
  assertKnown(name: string): void {
    if (this.names.includes(name)) return;
    throw new FleetseedError('REQUEST_INVALID', 'There is no job of this name.', { name });
  }

  knows(name: string): boolean {
    return this.#handlers.has(name);
  }

  get(name: string): Registered {
    const registered = this.#handlers.get(name);
    if (!registered) throw invalid('A job has no handler.', name);
    return registered;
  }
}

function invalid(message: string, name: string): FleetseedError {
  return new FleetseedError('CONFIG_INVALID', message, { name });
}
