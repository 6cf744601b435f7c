import { finishHash, mixWord } from './hash-words.js';

const CELL_BITS = 22;
/** A cell that is full stays so: it can only say too much. */
const FULL = 255;

/**
 * How many strangers an address has in a swarm: never too few, and too many only when others fall into the
 * same of four million cells, which the seed makes impossible to aim at.
 */
export class StrangerSketch {
  #cells: Uint8Array | null = null;

  constructor(private readonly seed: number) {}

  /** @param words the address is the four words from `at`. */
  count(swarm: number, words: Uint32Array, at: number): number {
    return this.#cells?.[this.#cellOf(swarm, words, at)] ?? 0;
  }

  add(swarm: number, words: Uint32Array, at: number, change: 1 | -1): void {
    this.#cells ??= new Uint8Array(1 << CELL_BITS);
    const cell = this.#cellOf(swarm, words, at);
    if (this.#cells[cell] !== FULL) this.#cells[cell]! += change;
  }

  #cellOf(swarm: number, words: Uint32Array, at: number): number {
    let hash = mixWord(this.seed, swarm);
    for (let word = 0; word < 4; word++) hash = mixWord(hash, words[at + word]!);
    return finishHash(hash) >>> (32 - CELL_BITS);
  }
}
