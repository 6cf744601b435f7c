import type { IndexRange } from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { indicesIn } from './message-budget.js';
import { protocolError } from './peer-errors.js';
import type { PeerHandler } from './peer.types.js';

/** What a peer has, as it tells it. What is news is handed on to its handler, once there is one. */
export class PeerPieces {
  /** Of no pieces until the torrent is known. */
  have = new Bitfield(0);
  /** It has told all it has at once. */
  #told = false;

  /** @param weigh told how many pieces had to be looked at */
  constructor(private readonly weigh: (pieces: number) => void) {}

  begin(pieceCount: number): void {
    this.have = new Bitfield(pieceCount);
  }

  /** A bitfield, or what stands for one. */
  hasNew(have: Bitfield, handler: PeerHandler | null): void {
    // It belongs first, but clients exist that send extensions, and even HAVE, before it.
    if (this.#told) {
      // aria2 sends a bitfield again, instead of many HAVEs, when that is shorter.
      this.weigh(have.size);
      for (const piece of have.indices()) this.gained(piece, 1, handler);
      return;
    }
    this.#told = true;
    for (const piece of this.have.indices()) have.set(piece);
    this.have = have;
    handler?.hasNew();
  }

  /** Ranges of pieces. @throws FleetseedError WIRE_INVALID */
  gainedRanges(ranges: readonly IndexRange[], handler: PeerHandler | null): void {
    this.weigh(indicesIn(ranges, this.have.size));
    for (const { first, count } of ranges) this.gained(first, count, handler);
  }

  /** @throws FleetseedError WIRE_INVALID for pieces that do not exist */
  gained(first: number, count: number, handler: PeerHandler | null): void {
    if (first + count > this.have.size) {
      throw protocolError('a piece that does not exist', { first });
    }
    for (let piece = first; piece < first + count; piece++) {
      if (this.have.set(piece)) handler?.gained(piece);
    }
  }

  /** @throws FleetseedError WIRE_INVALID for a piece that does not exist */
  lost(piece: number, handler: PeerHandler | null): void {
    if (piece >= this.have.size) throw protocolError('a piece that does not exist', { piece });
    if (this.have.clear(piece)) handler?.lost(piece);
  }
}
