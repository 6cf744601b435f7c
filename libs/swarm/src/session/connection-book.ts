import { openFilesShare } from '#lib/runtime';

import type { PeerConnection } from '../peer/peer-connection.js';
import type { SessionOptions } from './session.types.js';

/** Connections at most, and the descriptors of the process that they may have. */
const CONNECTIONS = 1000;
const DESCRIPTORS_SHARE = 0.5;
const HALF_OPEN = 256;
const CONNECTIONS_PER_HOST = 64;

export interface ConnectionLimits {
  readonly most: number;
  readonly mostPerHost: number;
  /** Connections that are not known yet. */
  readonly mostHalfOpen: number;
  /** Of those with one host: somebody who opens and says nothing must leave places for others. */
  readonly mostHalfOpenPerHost: number;
}

export function connectionLimitsOf(options: SessionOptions): ConnectionLimits {
  const most = options.maxConnections ?? openFilesShare(DESCRIPTORS_SHARE, CONNECTIONS);
  return {
    most,
    mostPerHost: options.maxConnectionsPerHost ?? CONNECTIONS_PER_HOST,
    mostHalfOpen: options.maxHalfOpen ?? Math.min(HALF_OPEN, Math.ceil(most / 2)),
    mostHalfOpenPerHost: options.maxHalfOpenPerHost ?? CONNECTIONS_PER_HOST,
  };
}

/** All connections of a session, counted as a whole, by host, and those that are not known yet. */
export class ConnectionBook {
  readonly #all = new Set<PeerConnection>();
  readonly #halfOpen = new Set<PeerConnection>();
  readonly #byHost = new Map<string, number>();

  constructor(private readonly limits: ConnectionLimits) {}

  get size(): number {
    return this.#all.size;
  }

  get halfOpen(): ReadonlySet<PeerConnection> {
    return this.#halfOpen;
  }

  /** Whether one more connection with this host may come into being. */
  hasPlace(host: string): boolean {
    return this.#halfOpen.size < this.limits.mostHalfOpen && this.#mayHaveAnother(host);
  }

  /**
   * The same for a host that connects to us, for which the connection that has been silent for longest gives
   * way: who means to say who it is does so at once.
   */
  makePlace(host: string): boolean {
    if (!this.#mayHaveAnother(host)) return false;
    if (this.#halfOpen.size < this.limits.mostHalfOpen) return true;
    for (const connection of this.#halfOpen) {
      if (connection.initiated) continue;
      this.remove(connection);
      connection.close();
      return true;
    }
    return false;
  }

  add(connection: PeerConnection): void {
    const { host } = connection.transport;
    this.#all.add(connection);
    this.#halfOpen.add(connection);
    this.#byHost.set(host, (this.#byHost.get(host) ?? 0) + 1);
  }

  /** The connection is known now. */
  known(connection: PeerConnection): void {
    this.#halfOpen.delete(connection);
  }

  remove(connection: PeerConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#halfOpen.delete(connection);
    const { host } = connection.transport;
    const left = (this.#byHost.get(host) ?? 1) - 1;
    if (left > 0) this.#byHost.set(host, left);
    else this.#byHost.delete(host);
  }

  #mayHaveAnother(host: string): boolean {
    const { most, mostPerHost, mostHalfOpenPerHost } = this.limits;
    return (
      this.#all.size < most &&
      (this.#byHost.get(host) ?? 0) < mostPerHost &&
      this.#halfOpenWith(host) < mostHalfOpenPerHost
    );
  }

  #halfOpenWith(host: string): number {
    let count = 0;
    for (const { transport } of this.#halfOpen) if (transport.host === host) count++;
    return count;
  }

  *[Symbol.iterator](): Generator<PeerConnection> {
    yield* this.#all;
  }
}
