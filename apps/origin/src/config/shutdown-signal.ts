import { Injectable } from '@nestjs/common';

/**
 * How this process ends, in two steps. While it is leaving everything goes on, but whoever can go to
 * another replica is asked to. Once it ends, endless answers (event streams) and background work stop.
 */
@Injectable()
export class ShutdownSignal {
  readonly #controller = new AbortController();
  #isLeaving = false;

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Aborts when the process ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  leave(): void {
    this.#isLeaving = true;
  }

  begin(): void {
    this.leave();
    this.#controller.abort();
  }
}
