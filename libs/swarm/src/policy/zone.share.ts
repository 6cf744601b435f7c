import { randomInt, type Random } from '#lib/runtime';

import type { PickerPeer } from './picker.peer.js';
import { scoreOf } from './rendezvous.score.js';
import type { SpanTable } from './span.table.js';

/** So many runs more at a look at most, twice as many each time that it did not suffice. */
const MOST_MORE = 8;
/** A neighbour that has less than this part of what we have got is not waited for. */
const LAGGING = 0.5;
/** Who has got fewer runs than this cannot tell. */
const LEAST_GOT = 8;

/** One of our zone. */
interface Fellow {
  readonly peer: PickerPeer;
  /** Runs that it holds of those that we download. */
  held: number;
  /** It is far behind: what it holds, or is to fetch, does not count. */
  isLagging: boolean;
}

/**
 * Which runs a machine fetches from other zones itself, and which it leaves to others of its zone: links
 * between zones cost more, or carry less, than those within, and one copy for a zone is enough.
 *
 * The machines of a zone divide among them what none of them has, by rendezvous hash over those that they
 * know, without a word. Whoever is in want takes over what is others' part, a little more each time, so
 * that nobody waits for one who is slow or gone. In the simulation of 16 machines in four zones a quarter
 * of all bytes cross zones so, and of 40 a tenth; without it 76 % and 43 %, or as much as the links carry.
 */
export class ZoneShare {
  /** 1: may be fetched from afar. */
  readonly #open: Uint8Array;
  /** How many hold a run, of those in our zone that do not lag, and of those elsewhere. */
  readonly #near: Uint32Array;
  readonly #far: Uint32Array;
  readonly #fellows = new Map<PickerPeer, Fellow>();
  /** Runs that we had not got when the download began. */
  #parts = 0;
  #wasInWant = false;
  #more = 1;

  constructor(
    private readonly table: SpanTable,
    /** Our own: see `PickerPeer.seed`. */
    private readonly seed: number,
    private readonly random: Random,
    /** Called when a run may be fetched from afar from now on, or not any more. */
    private readonly changed: (run: number, isOpen: boolean) => void,
  ) {
    const { runCount } = table.layout;
    for (let run = 0; run < runCount; run++) if (table.isPart(run)) this.#parts++;
    this.#open = new Uint8Array(runCount);
    this.#near = new Uint32Array(runCount);
    this.#far = new Uint32Array(runCount);
  }

  /** Whether the run may be fetched from another zone. */
  allows(run: number): boolean {
    return this.#open[run] === 1;
  }

  /** A peer is known, before any of its runs. */
  joined(peer: PickerPeer): void {
    if (peer.distance !== 'near') return;
    this.#fellows.set(peer, { peer, held: 0, isLagging: false });
    this.#divide();
  }

  /** The peer is gone, after all of its runs. */
  left(peer: PickerPeer): void {
    if (this.#fellows.delete(peer)) this.#divide();
  }

  /** The peer holds a run. */
  gained(peer: PickerPeer, run: number): void {
    if (!this.table.isPart(run)) return;
    if (peer.distance === 'far') {
      if (this.#far[run]!++ === 0) this.#set(run, this.#isOurs(run));
      return;
    }
    const fellow = this.#fellows.get(peer);
    if (!fellow) return;
    fellow.held++;
    if (fellow.isLagging) return;
    this.#near[run]!++;
    this.#set(run, false);
  }

  /** The peer holds it no longer. */
  lost(peer: PickerPeer, run: number): void {
    if (!this.table.isPart(run)) return;
    if (peer.distance === 'far') {
      this.#far[run]!--;
      return;
    }
    const fellow = this.#fellows.get(peer);
    if (!fellow) return;
    fellow.held--;
    if (!fellow.isLagging && --this.#near[run]! === 0) this.#set(run, this.#isOurs(run));
  }

  /**
   * To be called a few times a second.
   * @param inWant those near do not suffice
   * @param progress how much of the download is there, 0 to 1
   * @param isWanted whether a run is still to be requested
   */
  look(inWant: boolean, progress: number, isWanted: (run: number) => boolean): void {
    if (this.#fellows.size === 0) return;
    this.#judge(progress * this.#parts);
    if (!inWant) this.#more = 1;
    // Everybody is for a moment, now and then.
    else if (this.#wasInWant) this.#takeOver(isWanted);
    this.#wasInWant = inWant;
  }

  /** Who falls behind is not counted on, until it catches up. */
  #judge(got: number): void {
    let isSame = true;
    for (const fellow of this.#fellows.values()) {
      const isLagging = got >= LEAST_GOT && fellow.held < got * LAGGING;
      if (isLagging === fellow.isLagging) continue;
      isSame = false;
      fellow.isLagging = isLagging;
      for (let run = 0; run < this.#near.length; run++) {
        if (!this.table.isPart(run) || !fellow.peer.holdings.holds(run)) continue;
        this.#near[run]! += isLagging ? -1 : 1;
      }
    }
    if (!isSame) this.#divide();
  }

  /** What nobody of the zone has comes first; each begins elsewhere, so that no two take the same. */
  #takeOver(isWanted: (run: number) => boolean): void {
    const { length } = this.#open;
    const start = randomInt(this.random, length);
    let left = this.#more;
    this.#more = Math.min(MOST_MORE, 2 * this.#more);
    for (const isHeld of [false, true]) {
      for (let step = 0; step < length && left > 0; step++) {
        const run = (start + step) % length;
        if (this.#open[run] === 1 || this.#far[run] === 0 || !isWanted(run)) continue;
        if (this.#near[run]! > 0 !== isHeld) continue;
        this.#set(run, true);
        left--;
      }
    }
  }

  #divide(): void {
    for (let run = 0; run < this.#open.length; run++) this.#set(run, this.#isOurs(run));
  }

  #set(run: number, isOpen: boolean): void {
    if ((this.#open[run] === 1) === isOpen) return;
    this.#open[run] = isOpen ? 1 : 0;
    this.changed(run, isOpen);
  }

  #isOurs(run: number): boolean {
    if (this.#far[run] === 0 || this.#near[run]! > 0) return false;
    const ours = scoreOf(this.seed, run);
    for (const { peer, isLagging } of this.#fellows.values()) {
      if (!isLagging && scoreOf(peer.seed, run) > ours) return false;
    }
    return true;
  }
}
