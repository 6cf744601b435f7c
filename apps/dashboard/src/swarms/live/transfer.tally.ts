import type { SwarmFrame } from '#lib/contracts';

export interface Received {
  readonly fromOrigin: number;
  readonly fromPeers: number;
}

const NOTHING: Received = { fromOrigin: 0, fromPeers: 0 };

/** Adds up what every peer received since somebody began to watch. */
export class TransferTally {
  readonly #origins = new Set<string>();
  readonly #received = new Map<string, Received>();

  add(frame: SwarmFrame): void {
    for (const { peer, role } of frame.peers) if (role === 'origin') this.#origins.add(peer);
    for (const { peer: to, from } of frame.peers) {
      let { fromOrigin, fromPeers } = this.of(to);
      for (const { peer, bytes } of from) {
        if (this.#origins.has(peer)) fromOrigin += bytes;
        else fromPeers += bytes;
      }
      this.#received.set(to, { fromOrigin, fromPeers });
    }
  }

  of(peer: string): Received {
    return this.#received.get(peer) ?? NOTHING;
  }

  total(): Received {
    let [fromOrigin, fromPeers] = [0, 0];
    for (const each of this.#received.values()) {
      fromOrigin += each.fromOrigin;
      fromPeers += each.fromPeers;
    }
    return { fromOrigin, fromPeers };
  }
}
