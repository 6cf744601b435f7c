import type { IndexRange } from '#lib/wire';

import type { PayloadLayout } from './payload.layout.js';

/** What is needed so soon that it is requested strictly in order, bytes. */
const URGENT_BYTES = 4 * 1024 * 1024;
/** A window has room for this much at least, bytes: enough for a fast link while the reader takes a breath. */
const LEAST_CAPACITY = 16 * 1024 * 1024;

export interface RunWindowOptions {
  /** Payload range that is read, bytes. */
  readonly begin: number;
  readonly end: number;
  /** Bytes that are held at most; by default {@link windowCapacity}. It must hold the longest run. */
  readonly capacity?: number;
  readonly urgentBytes?: number;
}

/**
 * Memory for reading an artifact in order, bytes: two runs at least, so that the next one arrives while
 * one is handed on; runs are as long as pieces when these are large.
 */
export function windowCapacity(layout: PayloadLayout): number {
  let longest = 0;
  for (let run = 0; run < layout.runCount; run++) {
    longest = Math.max(longest, layout.runs.lengthOf(run));
  }
  return Math.max(LEAST_CAPACITY, 2 * longest);
}

/**
 * Which runs are of use to somebody who reads a range of the payload from its begin to its end and
 * keeps nothing: from the run that the reader is in to the last one that there is room for. It moves
 * with the reader, so that a slow reader makes a slow download. Its first runs are urgent.
 */
export class RunWindow {
  readonly begin: number;
  readonly end: number;
  readonly capacity: number;
  readonly #layout: PayloadLayout;
  readonly #urgentBytes: number;
  #position: number;
  #first = 0;
  #open = 0;
  #urgent = 0;

  constructor(layout: PayloadLayout, options: RunWindowOptions) {
    const { begin, end, capacity = windowCapacity(layout), urgentBytes = URGENT_BYTES } = options;
    if (!(begin >= 0 && begin <= end && end <= layout.length)) {
      throw new RangeError(`The range ${begin} to ${end} is not in ${layout.length} bytes.`);
    }
    this.#layout = layout;
    this.begin = begin;
    this.end = end;
    this.capacity = capacity;
    this.#urgentBytes = urgentBytes;
    this.#position = begin;
    this.#advance();
  }

  /** Where the reader is, payload bytes. */
  get position(): number {
    return this.#position;
  }

  /** From here on bytes are held: where the run begins that the reader is in. */
  get base(): number {
    return this.#offsetOf(this.#first);
  }

  /** The run that the reader is in. */
  get firstRun(): number {
    return this.#first;
  }

  /** One past the last run that may be requested. */
  get endRun(): number {
    return this.#open;
  }

  /** One past the last run that is requested before all others. */
  get urgentEnd(): number {
    return this.#urgent;
  }

  /** The reader got as far as `position`. @returns the runs that it is done with now */
  moveTo(position: number): IndexRange {
    if (!(position >= this.#position && position <= this.end)) {
      throw new RangeError(`A reader at ${this.#position} cannot move to ${position}.`);
    }
    const first = this.#first;
    this.#position = position;
    this.#advance();
    return { first, count: this.#first - first };
  }

  #advance(): void {
    const { runCount } = this.#layout;
    while (this.#first < runCount && this.#offsetOf(this.#first + 1) <= this.#position) {
      this.#first++;
    }
    const { base, end } = this;
    this.#open = Math.max(this.#open, this.#first);
    while (this.#fits(this.#open, end, base + this.capacity)) this.#open++;
    this.#urgent = Math.max(this.#urgent, this.#first);
    while (
      this.#urgent < this.#open &&
      this.#offsetOf(this.#urgent) < this.#position + this.#urgentBytes
    ) {
      this.#urgent++;
    }
  }

  /** The run has something that is read, and all of it can be held. */
  #fits(run: number, end: number, limit: number): boolean {
    if (run >= this.#layout.runCount || this.#offsetOf(run) >= end) return false;
    return this.#offsetOf(run + 1) <= limit;
  }

  #offsetOf(run: number): number {
    const { runCount, length } = this.#layout;
    return run < runCount ? this.#layout.offsetOfRun(run) : length;
  }
}
