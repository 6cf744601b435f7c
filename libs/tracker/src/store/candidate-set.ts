/** More than any answer and its sample have room for. */
export const MAX_CANDIDATES = 1024;

export const CANDIDATE = {
  /** Of another zone than the peer that asks; never set when that has none. */
  remote: 1,
  /** Of its rack; never set when it has none. */
  sameRack: 2,
  complete: 4,
  origin: 8,
  /** A stranger that did not announce the hash by which the stranger that asks came. */
  barred: 16,
} as const;

/**
 * Candidates as a policy sees them: numbers in columns, filled again and again, so that choosing among a
 * hundred makes no garbage. The store knows which peer a place stands for.
 */
export class CandidateSet {
  readonly flags = new Uint8Array(MAX_CANDIDATES);
  /** How often each was handed out lately: a count that halves every LOAD_HALF_LIFE_MS. */
  readonly loads = new Float32Array(MAX_CANDIDATES);
  /** Places of the chosen, in the order of the answer. */
  readonly chosen = new Uint16Array(MAX_CANDIDATES);
  length = 0;
  chosenLength = 0;

  clear(): void {
    this.length = 0;
    this.chosenLength = 0;
  }

  choose(place: number): void {
    this.chosen[this.chosenLength++] = place;
  }

  chooseAll(): void {
    for (let place = 0; place < this.length; place++) this.choose(place);
  }
}
