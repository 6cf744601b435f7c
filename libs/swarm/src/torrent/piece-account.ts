import type { PieceMap } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';

/** Which pieces are there and which are wanted, and how many bytes that is. */
export class PieceAccount {
  readonly have: Bitfield;
  /** Bytes of pieces that are wanted, and of those among them that are there. */
  wantedBytes = 0;
  haveBytes = 0;
  /** Bytes of pieces that are there, wanted or not. */
  presentBytes = 0;
  readonly #wanted: Bitfield;
  readonly #pieces: PieceMap;

  constructor(pieces: PieceMap, have?: Bitfield, wanted?: Bitfield) {
    this.#pieces = pieces;
    this.have = have?.clone() ?? new Bitfield(pieces.pieceCount);
    this.#wanted = wanted?.clone() ?? Bitfield.full(pieces.pieceCount);
    for (let piece = 0; piece < pieces.pieceCount; piece++) this.#count(piece, 1);
  }

  /** Pieces that are wanted and not there. */
  missing(): Bitfield {
    const missing = new Bitfield(this.have.size);
    for (const piece of this.have.missing()) if (this.#wanted.get(piece)) missing.set(piece);
    return missing;
  }

  /** Nothing is left out of what is wanted. */
  get wantsAll(): boolean {
    return this.#wanted.all;
  }

  gain(piece: number): void {
    this.#change(piece, () => this.have.set(piece));
  }

  /** It is gone, and not wanted back so far. */
  lose(piece: number): void {
    this.#change(piece, () => {
      this.have.clear(piece);
      this.#wanted.clear(piece);
    });
  }

  /** It is wanted. @returns whether it is lacking */
  want(piece: number): boolean {
    this.#change(piece, () => this.#wanted.set(piece));
    return !this.have.get(piece);
  }

  /** It is there again, and wanted. @returns whether it was gone */
  regain(piece: number): boolean {
    if (this.have.get(piece)) return false;
    this.#change(piece, () => {
      this.have.set(piece);
      this.#wanted.set(piece);
    });
    return true;
  }

  #change(piece: number, change: () => void): void {
    this.#count(piece, -1);
    change();
    this.#count(piece, 1);
  }

  #count(piece: number, sign: 1 | -1): void {
    const bytes = sign * this.#pieces.lengthOf(piece);
    const isThere = this.have.get(piece);
    if (isThere) this.presentBytes += bytes;
    if (!this.#wanted.get(piece)) return;
    this.wantedBytes += bytes;
    if (isThere) this.haveBytes += bytes;
  }
}
