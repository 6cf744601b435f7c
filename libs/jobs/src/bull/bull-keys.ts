export const BULL_QUEUE = 'jobs';

/**
 * Names of what is in Redis. The prefix is in braces, so that a Redis Cluster keeps all keys of a
 * queue on one node, which scripts over several keys need.
 */
export class BullKeys {
  /** What BullMQ is given. */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = `{${prefix}}`;
  }

  /** A key of BullMQ's layout: a job's hash by its id, `wait`, `failed`, … */
  of(type: string): string {
    return `${this.prefix}:${BULL_QUEUE}:${type}`;
  }

  /** Ids in the order of enqueueing; what is no longer a job is taken out when it is met. */
  get index(): string {
    return `${this.prefix}:index`;
  }

  get order(): string {
    return `${this.prefix}:order`;
  }

  get epoch(): string {
    return `${this.prefix}:epoch`;
  }
}
