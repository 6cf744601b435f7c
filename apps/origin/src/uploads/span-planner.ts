import { LARGEST_SPAN_BUFFER } from '#lib/swarm';
import { BLOCK_LENGTH, blockCount, nextPowerOfTwo } from '#lib/torrent';

/** Consecutive bytes of a body that are hashed in one job, cut into what has a node each. */
export interface PlannedSpan {
  readonly length: number;
  readonly lengths: Uint32Array;
  readonly paddedLeaves: Uint32Array;
}

interface SpanRules {
  readonly stretches: readonly number[] | null;
  readonly nodeSpan: number;
  readonly wholeFiles: boolean;
}

const SPAN = LARGEST_SPAN_BUFFER;

/**
 * Cuts the stretches of a body into spans of at most 1 MiB: a long one at every MiB, so that nodes
 * stay whole, and several short ones into one span.
 */
export class SpanPlanner {
  readonly #stretches: readonly number[];
  #stretch = 0;
  /** Bytes of the current stretch that are planned. */
  #planned = 0;

  constructor(private readonly rules: SpanRules) {
    this.#stretches = rules.stretches ?? [Number.MAX_SAFE_INTEGER];
  }

  /** The next span; null after the last. */
  next(): PlannedSpan | null {
    const span = new SpanBuilder(this.rules);
    for (; this.#stretch < this.#stretches.length; this.#stretch++) {
      const stretch = this.#stretches[this.#stretch]!;
      const left = stretch - this.#planned;
      const count = Math.min(left, SPAN);
      // What does not fit is begun in the next span: a short stretch is never cut.
      if (span.length + count > SPAN) break;
      span.add(count, stretch);
      this.#planned += count;
      if (this.#planned < stretch) break;
      this.#planned = 0;
    }
    return span.length === 0 ? null : span.end();
  }

  /** The last span of a stretch whose length was not known: it is the one that was planned, cut off. */
  last(length: number): PlannedSpan {
    const span = new SpanBuilder(this.rules);
    span.add(length, this.#planned - SPAN + length);
    this.#stretch = this.#stretches.length;
    return span.end();
  }
}

class SpanBuilder {
  length = 0;
  readonly #lengths: number[] = [];
  readonly #paddedLeaves: number[] = [];

  constructor(private readonly rules: SpanRules) {}

  /** The next `count` bytes of a stretch; a node begins with them. */
  add(count: number, stretch: number): void {
    const { nodeSpan, wholeFiles } = this.rules;
    const isTree = wholeFiles && stretch <= nodeSpan;
    const leaves = isTree ? nextPowerOfTwo(blockCount(stretch)) : nodeSpan / BLOCK_LENGTH;
    for (let at = 0; at < count; at += nodeSpan) {
      this.#lengths.push(Math.min(nodeSpan, count - at));
      this.#paddedLeaves.push(leaves);
    }
    this.length += count;
  }

  end(): PlannedSpan {
    return {
      length: this.length,
      lengths: Uint32Array.from(this.#lengths),
      paddedLeaves: Uint32Array.from(this.#paddedLeaves),
    };
  }
}
