import type { Bitfield } from '../bitfield.js';
import type { PayloadLayout } from './payload.layout.js';

/**
 * Which runs a peer holds, kept up in constant time a HAVE: a run is held when none of the pieces of
 * it that matter is lacking. It costs four bytes a run; a peer that has everything costs nothing.
 */
export class RunHoldings {
  readonly #layout: PayloadLayout;
  /** Pieces that matter: those missing here, or all of them when null. */
  readonly #matters: Bitfield | null;
  #lacking: Uint32Array | null;

  /** @param have what the peer has; the caller goes on keeping it */
  constructor(layout: PayloadLayout, have: Bitfield, matters: Bitfield | null) {
    this.#layout = layout;
    this.#matters = matters;
    this.#lacking = have.all ? null : new Uint32Array(layout.runCount);
    if (this.#lacking === null) return;
    for (const piece of have.missing()) {
      if (matters?.get(piece) ?? true) this.#lacking[layout.runs.runOfPiece(piece)]!++;
    }
  }

  /** True for a peer that came with every piece: it is counted apart. */
  get all(): boolean {
    return this.#lacking === null;
  }

  holds(run: number): boolean {
    return this.#lacking === null || this.#lacking[run] === 0;
  }

  /** The peer got a piece it lacked. @returns the run that it now holds, or -1. */
  gained(piece: number): number {
    if (this.#lacking === null || !(this.#matters?.get(piece) ?? true)) return -1;
    const run = this.#layout.runs.runOfPiece(piece);
    return --this.#lacking[run]! === 0 ? run : -1;
  }

  /** The peer lost a piece it had. @returns the run that it no longer holds, or -1. */
  lost(piece: number): number {
    if (!(this.#matters?.get(piece) ?? true)) return -1;
    this.#lacking ??= new Uint32Array(this.#layout.runCount);
    const run = this.#layout.runs.runOfPiece(piece);
    return this.#lacking[run]!++ === 0 ? run : -1;
  }
}
