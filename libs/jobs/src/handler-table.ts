import { FleetseedError } from '#lib/contracts';

import type { HandlerOptions, JobHandler, JobRun } from './job-queue.js';

type Handler = JobHandler<unknown, unknown>;

interface Registered {
  readonly handler: Handler;
  readonly timeoutMs: number;
  readonly atOnce: number;
}

const TIMEOUT_MS = 600_000;

/** Exactly one handler for every declared name: a lacking one shows at start, not at night. */
export class HandlerTable<Name extends string = string> {
  readonly #handlers = new Map<string, Registered>();

  /** @param onRun told of every attempt that ended */
  constructor(
    readonly names: readonly Name[],
    private readonly onRun: (run: JobRun<Name>) => void = () => undefined,
  ) {}

  /** @throws CONFIG_INVALID */
  register(name: string, handler: Handler, options: HandlerOptions): void {
    if (!this.#has(name)) throw invalid('A handler is for no job of the table.', name);
    if (this.#handlers.has(name)) throw invalid('A job has two handlers.', name);
    const { timeoutMs = TIMEOUT_MS, atOnce = Number.POSITIVE_INFINITY } = options;
    this.#handlers.set(name, { handler: this.#told(name as Name, handler), timeoutMs, atOnce });
  }

  /** @throws CONFIG_INVALID */
  assertComplete(): void {
    const lacking = this.names.filter((name) => !this.#handlers.has(name));
    if (lacking.length > 0) throw invalid('Jobs have no handler.', lacking.join(', '));
  }

  /** @throws REQUEST_INVALID */
  assertKnown(name: string): void {
    if (this.#has(name)) return;
    throw new FleetseedError('REQUEST_INVALID', 'There is no job of this name.', { name });
  }

  #told(name: Name, handler: Handler): Handler {
    return async (job) => {
      const began = performance.now();
      let outcome: JobRun['outcome'] = 'failed';
      try {
        const result = await handler(job);
        outcome = 'done';
        return result;
      } finally {
        if (outcome === 'failed' && job.signal.aborted) outcome = 'aborted';
        this.onRun({ name, outcome, ms: performance.now() - began });
      }
    };
  }

  #has(name: string): boolean {
    return (this.names as readonly string[]).includes(name);
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
