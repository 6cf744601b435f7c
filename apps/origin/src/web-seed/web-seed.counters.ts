import { Injectable } from '@nestjs/common';

/** How a request to the web seed ended. */
export type WebSeedResult = 'served' | 'busy' | 'refused';

/** Requests to the web seed since the start, for the metrics. */
@Injectable()
export class WebSeedCounters {
  readonly #requests: Record<WebSeedResult, number> = { served: 0, busy: 0, refused: 0 };

  count(result: WebSeedResult): void {
    this.#requests[result]++;
  }

  get requests(): Readonly<Record<WebSeedResult, number>> {
    return this.#requests;
  }
}
