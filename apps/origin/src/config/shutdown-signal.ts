import { Injectable } from '@nestjs/common';

/** Tells endless answers (event streams) and background work that the origin is ending. */
@Injectable()
export class ShutdownSignal {
  readonly #controller = new AbortController();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.#controller.abort();
  }
}
