import { Counter, Histogram } from 'prom-client';

import type { S3Request } from '#lib/depot';

/** Seconds; a store that is near answers small requests in milliseconds, parts of uploads take seconds. */
const BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

/**
 * Requests of this process to the depot's bucket, counted as they happen. Every try is one, so what was
 * tried again and then went well is seen, too.
 */
export class S3Requests {
  readonly #counted = new Counter({
    name: 'fleetseed_s3_requests_total',
    help: 'Requests to the bucket of the depot, by operation and outcome; every try counts.',
    labelNames: ['operation', 'outcome'],
    registers: [],
  });
  readonly #seconds = new Histogram({
    name: 'fleetseed_s3_request_seconds',
    help: 'Time until the bucket began to answer, with the body that was sent.',
    labelNames: ['operation'],
    buckets: BUCKETS,
    registers: [],
  });

  /** What a registry may show. */
  get metrics() {
    return [this.#counted, this.#seconds] as const;
  }

  readonly note = ({ operation, status, ms }: S3Request): void => {
    this.#counted.inc({ operation, outcome: outcomeOf(status) });
    if (status !== null) this.#seconds.observe({ operation }, ms / 1000);
  };
}

/** A condition that does not hold, or a key that is not there, is an answer and no failure. */
function outcomeOf(status: number | null): string {
  if (status === null) return 'unanswered';
  if (status < 400) return 'ok';
  if (status === 404) return 'absent';
  if (status === 409 || status === 412) return 'unmet';
  if (status === 429 || status === 503) return 'slow-down';
  return status < 500 ? 'refused' : 'failed';
}
