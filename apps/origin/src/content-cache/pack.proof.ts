import type { PackIndex } from '#lib/depot';

import { SPAN_BYTES, type ObjectProof, type ProvenStretch, type Span } from './span.proof.js';

/** Many small files in one object: a span holds whole files, so that all of it can be checked. */
export class PackProof implements ObjectProof {
  /** Where each span begins, and the first of its files. */
  readonly #starts: number[] = [];
  readonly #firsts: number[] = [];
  readonly #roots: readonly string[];

  constructor(private readonly index: PackIndex) {
    this.#roots = [...index.roots()];
    let offset = 0;
    let spanStart = 0;
    this.#roots.forEach((root, number) => {
      if (number === 0 || offset - spanStart >= SPAN_BYTES) {
        spanStart = offset;
        this.#starts.push(offset);
        this.#firsts.push(number);
      }
      offset += index.get(root)!.length;
    });
  }

  get length(): number {
    return this.index.packLength;
  }

  spanAt(position: number): Span {
    const number = this.#numberAt(position);
    const offset = this.#starts[number]!;
    return { offset, length: (this.#starts[number + 1] ?? this.length) - offset };
  }

  async stretchesOf({ offset }: Span): Promise<readonly ProvenStretch[]> {
    const number = this.#numberAt(offset);
    const roots = this.#roots.slice(this.#firsts[number], this.#firsts[number + 1]);
    return roots.map((root) => ({
      length: this.index.get(root)!.length,
      leaves: this.index.leaves(root)!,
    }));
  }

  #numberAt(position: number): number {
    // A pack has a handful of spans.
    return this.#starts.findLastIndex((start) => start <= position);
  }
}
