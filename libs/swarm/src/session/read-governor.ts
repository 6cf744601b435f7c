import type { PeerConnection } from '../peer/peer-connection.js';
import type { RateLimiter } from '../policy/rate.limiter.js';

/**
 * Holds what is read to the limits: a connection that read more than was allowed is paused, and by
 * that its sender, until the debt is paid.
 */
export class ReadGovernor {
  readonly #paused = new Map<PeerConnection, readonly RateLimiter[]>();

  /** Bytes came in on a connection that these limiters bound. */
  received(
    connection: PeerConnection,
    bytes: number,
    limiters: readonly RateLimiter[],
    now: number,
  ): void {
    let over = false;
    for (const limiter of limiters) {
      limiter.spend(bytes, now);
      over ||= limiter.available(now) === 0;
    }
    if (!over || connection.isClosed || this.#paused.has(connection)) return;
    this.#paused.set(connection, limiters);
    connection.transport.pause();
  }

  /** Connections wait for their limits. */
  get isHolding(): boolean {
    return this.#paused.size > 0;
  }

  holds(connection: PeerConnection): boolean {
    return this.#paused.has(connection);
  }

  /** Lets go on who may; to be called often while holding. */
  release(now: number): void {
    for (const [connection, limiters] of this.#paused) {
      if (limiters.some((limiter) => limiter.available(now) === 0)) continue;
      this.#paused.delete(connection);
      connection.transport.resume();
    }
  }

  forget(connection: PeerConnection): void {
    this.#paused.delete(connection);
  }
}
