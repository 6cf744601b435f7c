import { randomUUID } from 'node:crypto';

import { checkBusText, type BusListener, type ReplicaBus } from './replica-bus.js';

/** Where buses of one process meet. A process that is alone has one to itself, with nobody else on it. */
export class BusExchange {
  readonly buses = new Set<MemoryReplicaBus>();
}

/**
 * The bus inside one process: of a replica that is alone, and of several in a test or a simulation,
 * where it may be cut off as one over a network is.
 */
export class MemoryReplicaBus implements ReplicaBus {
  readonly self = randomUUID();
  readonly #listeners = new Set<BusListener>();
  readonly #changes = new Set<(isUp: boolean) => void>();
  #isUp = true;

  readonly isLonely: boolean;
  readonly #exchange: BusExchange;

  /** @param exchange where others may be; without it there are none. */
  constructor(exchange?: BusExchange) {
    this.isLonely = exchange === undefined;
    this.#exchange = exchange ?? new BusExchange();
    this.#exchange.buses.add(this);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  publish(text: string, to?: string): void {
    checkBusText(text);
    if (!this.#isUp || !this.#exchange.buses.has(this)) return;
    for (const other of this.#exchange.buses) {
      if (other === this || (to !== undefined && other.self !== to)) continue;
      queueMicrotask(() => other.#deliver(text, this.self));
    }
  }

  subscribe(listener: BusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onChange(listener: (isUp: boolean) => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /** Cuts it off, or ends that. */
  set(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    for (const listener of this.#changes) listener(isUp);
  }

  async close(): Promise<void> {
    this.#exchange.buses.delete(this);
    this.#listeners.clear();
    this.#changes.clear();
  }

  #deliver(text: string, from: string): void {
    if (!this.#isUp) return;
    for (const listener of this.#listeners) listener(text, from);
  }
}
