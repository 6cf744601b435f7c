import type { Torrent } from '../torrent/torrent.js';

/** Payload bytes that all torrents of a session moved since its start. */
export interface MovedBytes {
  readonly sent: number;
  /** What members of other zones sent to us. */
  readonly fromAfar: number;
}

/** Sums that never fall: what a torrent moved counts when it is gone, too. */
export class ByteTotals {
  #gone: MovedBytes = { sent: 0, fromAfar: 0 };

  /** The torrent is about to be forgotten. */
  left(torrent: Torrent): void {
    this.#gone = plus(this.#gone, torrent);
  }

  /** @param torrents those that are still there */
  of(torrents: Iterable<Torrent>): MovedBytes {
    let total = this.#gone;
    for (const torrent of torrents) total = plus(total, torrent);
    return total;
  }
}

function plus({ sent, fromAfar }: MovedBytes, torrent: Torrent): MovedBytes {
  const { bytes } = torrent.stats();
  const all = Object.values(bytes.sent).reduce((sum, each) => sum + each, 0);
  return { sent: sent + all, fromAfar: fromAfar + bytes.fromAfar };
}
