import type { Random } from '#lib/runtime';

import type { PickerPeer } from './picker.peer.js';
import type { RarityBuckets } from './rarity.buckets.js';
import type { SpanTable } from './span.table.js';
import { ZoneShare } from './zone.share.js';

/**
 * Which open runs each peer can give. How many these are is kept up as things change, so that a peer that
 * has nothing for us costs nothing; how rare runs are is kept up with it.
 */
export class PeerInterest {
  /** Offers of all peers that stand. */
  offered = 0;
  readonly #peers = new Set<PickerPeer>();
  readonly #share: ZoneShare;

  /** @param seed our own, as `PickerPeer.seed` */
  constructor(
    private readonly table: SpanTable,
    private readonly buckets: RarityBuckets,
    seed: number,
    random: Random,
  ) {
    const changed = (run: number, isOpen: boolean) => this.#shareChanged(run, isOpen ? 1 : -1);
    this.#share = new ZoneShare(table, seed, random, changed);
  }

  /** Whether the peer has the run, and it is for us to fetch it there. */
  holds(peer: PickerPeer, run: number): boolean {
    return peer.holdings.holds(run) && (peer.distance !== 'far' || this.#share.allows(run));
  }

  canGive(peer: PickerPeer, run: number): boolean {
    return this.holds(peer, run) || peer.offers.has(run);
  }

  add(peer: PickerPeer): void {
    this.#share.joined(peer);
    const isRare = !peer.holdings.all;
    for (let run = 0; run < this.table.layout.runCount; run++) {
      if (peer.holdings.holds(run)) {
        if (isRare) this.buckets.holderCame(run);
        this.#share.gained(peer, run);
      }
      if (this.buckets.isOpen(run) && this.canGive(peer, run)) peer.interesting++;
    }
    this.#peers.add(peer);
    this.offered += peer.offers.size;
  }

  /** @returns false when it was not there */
  remove(peer: PickerPeer): boolean {
    if (!this.#peers.delete(peer)) return false;
    this.offered -= peer.offers.size;
    peer.interesting = 0;
    const isRare = !peer.holdings.all;
    for (let run = 0; run < this.table.layout.runCount; run++) {
      if (!peer.holdings.holds(run)) continue;
      if (isRare) this.buckets.holderLeft(run);
      this.#share.lost(peer, run);
    }
    this.#share.left(peer);
    return true;
  }

  /** The peer announced a piece that it did not have. */
  gained(peer: PickerPeer, piece: number): void {
    const run = peer.holdings.gained(piece);
    if (run < 0) return;
    this.buckets.holderCame(run);
    const isNew = this.buckets.isOpen(run) && this.holds(peer, run) && !peer.offers.has(run);
    if (isNew) peer.interesting++;
    // What this opens or closes to those elsewhere, the peer among them, is counted by `#shareChanged`.
    this.#share.gained(peer, run);
  }

  /** The peer withdrew a piece that it had (BEP 54). */
  lost(peer: PickerPeer, piece: number): void {
    if (peer.holdings.all) {
      for (let run = 0; run < this.table.layout.runCount; run++) this.buckets.holderCame(run);
    }
    const run = peer.holdings.lost(piece);
    if (run < 0) return;
    this.buckets.holderLeft(run);
    const wasFetchable = peer.distance !== 'far' || this.#share.allows(run);
    if (wasFetchable && this.buckets.isOpen(run) && !peer.offers.has(run)) peer.interesting--;
    this.#share.lost(peer, run);
  }

  /** The peer, an origin, offers a run. */
  offer(peer: PickerPeer, run: number): void {
    if (peer.offers.has(run)) return;
    if (this.buckets.isOpen(run) && !this.holds(peer, run)) peer.interesting++;
    peer.offers.add(run);
    this.offered++;
  }

  withdraw(peer: PickerPeer, run: number): void {
    if (!peer.offers.delete(run)) return;
    this.offered--;
    if (this.buckets.isOpen(run) && !this.holds(peer, run)) peer.interesting--;
  }

  /** Nobody need offer the run any more. */
  got(run: number): void {
    for (const peer of this.#peers) if (peer.offers.delete(run)) this.offered--;
  }

  /** Something of the run is to be requested from now on. */
  opened(run: number): void {
    this.buckets.open(run);
    for (const peer of this.#peers) if (this.canGive(peer, run)) peer.interesting++;
  }

  /** Nothing of the run is to be requested now. */
  closed(run: number): void {
    this.buckets.close(run);
    for (const peer of this.#peers) if (this.canGive(peer, run)) peer.interesting--;
  }

  /** See `ZoneShare.look`. */
  look(inWant: boolean, progress: number): void {
    this.#share.look(inWant, progress, (run) => this.buckets.isOpen(run));
  }

  /** A run may be fetched from afar from now on, or not any more. */
  #shareChanged(run: number, by: 1 | -1): void {
    if (!this.buckets.isOpen(run)) return;
    for (const peer of this.#peers) {
      if (peer.distance !== 'far' || peer.offers.has(run)) continue;
      if (peer.holdings.holds(run)) peer.interesting += by;
    }
  }
}
