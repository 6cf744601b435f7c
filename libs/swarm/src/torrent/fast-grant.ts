import type { PieceMap } from '#lib/torrent';
import { allowedFastSet, ipToBytes } from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import type { PeerConnection } from '../peer/peer-connection.js';

/** Pieces that a choked stranger may have; BEP 6 gives none to who has so many already. */
const PIECES = 10;
/** No more than so much of the artifact in all: a few large pieces would be a download. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * What a stranger may ask for while it waits for its turn (BEP 6), so that it has something to give to
 * others by then. Each byte is granted once.
 */
export class FastGrant {
  readonly #left: Map<number, number>;

  private constructor(left: Map<number, number>) {
    this.#left = left;
  }

  /** Tells the peer. @returns null when it gets none: it does not speak BEP 6, or has begun long ago */
  static to(
    connection: PeerConnection,
    infoHash: Buffer,
    have: Bitfield,
    pieces: PieceMap,
  ): FastGrant | null {
    const address = ipToBytes(connection.transport.host);
    if (!connection.send!.fast || address === null || connection.have.count >= PIECES) return null;
    const left = new Map<number, number>();
    let bytes = 0;
    for (const piece of allowedFastSet(address, infoHash, have.size, PIECES)) {
      bytes += pieces.lengthOf(piece);
      if (bytes > MOST_BYTES) break;
      if (!have.get(piece)) continue;
      left.set(piece, pieces.paddedLengthOf(piece));
      connection.send!.allowedFast(piece);
    }
    return left.size === 0 ? null : new FastGrant(left);
  }

  /** Whether this many bytes of a piece are granted; they are then used up. */
  spend(piece: number, bytes: number): boolean {
    const left = this.#left.get(piece) ?? 0;
    if (left < bytes) return false;
    this.#left.set(piece, left - bytes);
    return true;
  }
}
