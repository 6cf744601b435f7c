import { finishHash, mixWord } from './hash-words.js';
import { RecordIndex } from './record-index.js';
import { RecordSlab } from './record-slab.js';

/* Words of a swarm: 5 of its id, a count for each state, origins, completions, its first group. */
const COUNTS = 5;
const ORIGINS = 8;
const COMPLETIONS = 9;
const FIRST_GROUP = 10;
const WORDS = 12;

/** Swarms by their 20 byte ids, with their counts. */
export class SwarmTable {
  readonly #slab = new RecordSlab(WORDS);
  readonly #index: RecordIndex;
  #sought: Uint32Array = new Uint32Array(5);

  constructor(private readonly seed: number) {
    this.#index = new RecordIndex({
      hashOf: (swarm) => this.#hash(this.#slab.chunkOf(swarm), this.#slab.offsetOf(swarm)),
      isSought: (swarm) => this.#isSought(swarm),
    });
  }

  /** Known swarms, also those that are empty. */
  get count(): number {
    return this.#slab.count;
  }

  /** One past the highest number. */
  get end(): number {
    return this.#slab.end;
  }

  /** @param id five words. @returns 0 when it is not known */
  find(id: Uint32Array): number {
    this.#sought = id;
    return this.#index.find(this.#hash(id, 0));
  }

  add(id: Uint32Array): number {
    const swarm = this.#slab.take();
    this.#slab.chunkOf(swarm).set(id, this.#slab.offsetOf(swarm));
    this.#index.add(this.#hash(id, 0), swarm);
    return swarm;
  }

  remove(swarm: number): void {
    const chunk = this.#slab.chunkOf(swarm);
    const at = this.#slab.offsetOf(swarm);
    this.#index.remove(this.#hash(chunk, at), swarm);
    chunk.fill(0, at, at + WORDS);
    this.#slab.give(swarm);
  }

  /** The first of the swarm's groups, 0 for none: also for the number of a swarm that is no more. */
  firstGroup(swarm: number): number {
    return this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + FIRST_GROUP]!;
  }

  setFirstGroup(swarm: number, group: number): void {
    this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + FIRST_GROUP] = group;
  }

  /** Counts one peer more or less in a state. */
  countState(swarm: number, state: number, change: 1 | -1): void {
    this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + COUNTS + state]! += change;
  }

  countOrigin(swarm: number, change: 1 | -1): void {
    this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + ORIGINS]! += change;
  }

  countCompletion(swarm: number): void {
    this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + COMPLETIONS]!++;
  }

  inState(swarm: number, state: number): number {
    return this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + COUNTS + state]!;
  }

  origins(swarm: number): number {
    return this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + ORIGINS]!;
  }

  completions(swarm: number): number {
    return this.#slab.chunkOf(swarm)[this.#slab.offsetOf(swarm) + COMPLETIONS]!;
  }

  #isSought(swarm: number): boolean {
    const chunk = this.#slab.chunkOf(swarm);
    const at = this.#slab.offsetOf(swarm);
    for (let word = 0; word < 5; word++) {
      if (chunk[at + word] !== this.#sought[word]) return false;
    }
    return true;
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = this.seed;
    for (let word = 0; word < 5; word++) hash = mixWord(hash, words[at + word]!);
    return finishHash(hash);
  }
}
