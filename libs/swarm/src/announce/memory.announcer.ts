import { FleetseedError } from '#lib/contracts';
import { shuffle, type Random } from '#lib/runtime';

import type { AnnounceAnswer, AnnounceRequest, Announcer, PeerAddress } from './announcer.js';

interface Entry {
  readonly address: PeerAddress;
  left: number;
}

export interface MemoryTrackerOptions {
  readonly random: Random;
  readonly intervalMs?: number;
  readonly minIntervalMs?: number;
}

/** A tracker inside the process, for tests and simulation: swarms by name, peers by address. */
export class MemoryTracker {
  readonly #swarms = new Map<string, Map<string, Entry>>();
  /** While this is true announces fail, as when the tracker is down. */
  down = false;

  constructor(private readonly options: MemoryTrackerOptions) {}

  /** The announcer of one peer in one swarm. */
  announcer(swarm: string, self: PeerAddress): Announcer {
    return {
      announce: async (request, signal) => {
        signal?.throwIfAborted();
        return this.#announce(swarm, self, request);
      },
      retryAfterMs: () => 1000,
    };
  }

  /** Peers of a swarm, complete ones included. */
  countOf(swarm: string): number {
    return this.#swarms.get(swarm)?.size ?? 0;
  }

  #announce(swarm: string, self: PeerAddress, request: AnnounceRequest): AnnounceAnswer {
    if (this.down) throw new FleetseedError('ORIGIN_UNREACHABLE', 'The tracker is down.');
    const peers = this.#swarms.get(swarm) ?? new Map<string, Entry>();
    this.#swarms.set(swarm, peers);
    const id = `${self.host} ${self.port}`;
    if (request.event === 'stopped') peers.delete(id);
    else peers.set(id, { address: self, left: request.left });
    const entries = [...peers.values()];
    const complete = entries.filter(({ left }) => left === 0).length;
    // Complete peers have nothing for each other.
    const useful = entries.filter(
      ({ address, left }) => address !== self && (request.left > 0 || left > 0),
    );
    const chosen = request.event === 'stopped' ? [] : shuffle(useful, this.options.random);
    return {
      intervalMs: this.options.intervalMs ?? 2000,
      minIntervalMs: this.options.minIntervalMs ?? 1000,
      peers: chosen.slice(0, request.numWant).map(({ address }) => address),
      complete,
      incomplete: entries.length - complete,
    };
  }
}
