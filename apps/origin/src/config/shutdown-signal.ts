import { Injectable } from '@nestjs/common';

/**
 * How this process ends, in two steps. While it is leaving everything goes on, but whoever can go to
 * another replica is asked to. Once it ends, endless answers (event streams) and background work stop.
 */
@Injectable()
export class ShutdownSignal {
  readonly #leaving = new AbortController();
  readonly #ending = new AbortController();

  get isLeaving(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** Aborts when the process begins to leave. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Aborts when the process ends. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  leave(): void {
    this.#leaving.abort();
  }

  begin(): void {
    this.leave();
    this.#ending.abort();
  }
}
