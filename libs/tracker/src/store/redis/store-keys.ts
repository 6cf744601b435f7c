import type { SwarmId } from '../peer-store.js';

/** Names of what a store has in Redis. */
export class StoreKeys {
  /** @param prefix has no braces: those around a swarm say which node of a Redis Cluster has its keys. */
  constructor(private readonly prefix: string) {}

  /** In the order of the scripts' KEYS. */
  swarm(id: SwarmId): string[] {
    const begin = `${this.prefix}:swarm:{${id}}`;
    return ['meta', 'records', 'expiry', 'lanes', 'loads'].map((part) => `${begin}:${part}`);
  }

  /** Sorted set of the swarms that somebody may be in, by until when, ms. */
  get swarms(): string {
    return `${this.prefix}:swarms`;
  }

  /** A random text that is there for as long as nothing was lost. */
  get epoch(): string {
    return `${this.prefix}:epoch`;
  }
}
