import type { Command } from 'commander';

import type { Connection, ConnectionOptions } from './connection/connection.js';
import type { OriginApi } from './connection/origin-api.js';
import type * as Ways from './connection/ways.js';
import { Output } from './output/output.js';

interface GlobalOptions extends ConnectionOptions {
  readonly json?: boolean;
}

/** One call of a verb: its options, where it speaks, its way to the origin, and when to stop. */
export class Invocation<Options = object> {
  readonly options: Options & GlobalOptions;
  readonly output: Output;
  /** Aborts on SIGINT and SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
  private readonly stopping = new AbortController();
  private api: OriginApi | null = null;

  /** @param ways to the origin; null for verbs that work without one */
  constructor(
    command: Command,
    private readonly ways: typeof Ways | null,
  ) {
    this.options = command.optsWithGlobals<Options & GlobalOptions>();
    this.output = new Output(this.options.json === true, process);
    this.signal = this.stopping.signal;
    process.once('SIGINT', this.stop).once('SIGTERM', this.stop);
  }

  /** @throws FleetseedError USAGE when no origin is named */
  connection(): Connection {
    return new this.#known.Connection(this.options, process.env);
  }

  /** The origin's API, over one client that ends with the invocation. */
  origin(): OriginApi {
    this.api ??= new this.#known.OriginApi(this.connection().open(), this.signal);
    return this.api;
  }

  async close(): Promise<void> {
    process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
    await this.api?.client.close();
  }

  get #known(): typeof Ways {
    if (this.ways) return this.ways;
    throw new Error('A verb that works without an origin asked for one.');
  }

  private readonly stop = (): void => {
    process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
    this.stopping.abort();
  };
}
