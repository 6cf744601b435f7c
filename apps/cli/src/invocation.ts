import type { Command } from 'commander';

import { Connection, type ConnectionOptions } from './connection/connection.js';
import { OriginApi } from './connection/origin-api.js';
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

  constructor(command: Command) {
    this.options = command.optsWithGlobals<Options & GlobalOptions>();
    this.output = new Output(this.options.json === true, process);
    this.signal = this.stopping.signal;
    process.once('SIGINT', this.stop).once('SIGTERM', this.stop);
  }

  /** @throws FleetseedError USAGE when no origin is named */
  connection(): Connection {
    return new Connection(this.options, process.env);
  }

  /** The origin's API, over one client that ends with the invocation. */
  origin(): OriginApi {
    this.api ??= new OriginApi(this.connection().open(), this.signal);
    return this.api;
  }

  async close(): Promise<void> {
    process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
    await this.api?.client.close();
  }

  private readonly stop = (): void => {
    process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
    this.stopping.abort();
  };
}
