/** A part of a payload range that lies in one file. */
export interface FileSegment {
  /** Index into the artifact's files. */
  readonly file: number;
  /** Where in the file it begins, bytes. */
  readonly fileOffset: number;
  /** Where in the range it begins, bytes. */
  readonly at: number;
  readonly length: number;
}

/**
 * Which files a payload range lies in. The payload is the non-empty files one after the other, so
 * the table has one offset a file, and looking a range up is a binary search.
 */
export class FileSpans {
  static readonly #known = new WeakMap<object, FileSpans>();

  /** Bytes of the whole payload. */
  readonly length: number;
  /** Payload offset of each non-empty file, and the payload's length at the end. */
  readonly #starts: Float64Array;
  /** Index of each non-empty file among all files. */
  readonly #files: Uint32Array;
  readonly #lengths: Float64Array;

  /**
   * The table of these files, which must not change. Stores, checks and web seeds of an artifact share one: four of
   * a tree of 20,000 files would be a megabyte, four of a single file more than what it has to say.
   */
  static of(files: readonly { readonly length: number }[]): FileSpans {
    const known = FileSpans.#known.get(files);
    if (known) return known;
    const spans = new FileSpans(files);
    FileSpans.#known.set(files, spans);
    return spans;
  }

  private constructor(files: readonly { readonly length: number }[]) {
    this.#lengths = Float64Array.from(files, (file) => file.length);
    this.#files = Uint32Array.from([...files.keys()].filter((index) => this.#lengths[index]! > 0));
    this.#starts = new Float64Array(this.#files.length + 1);
    let total = 0;
    for (const [slot, file] of this.#files.entries()) {
      this.#starts[slot] = total;
      total += this.#lengths[file]!;
    }
    this.#starts[this.#files.length] = total;
    this.length = total;
  }

  lengthOf(file: number): number {
    return this.#lengths[file]!;
  }

  /** Payload offset of a file's first byte. @throws RangeError for a file without bytes. */
  startOf(file: number): number {
    const slot = lastAtMost(this.#files, file);
    if (this.#files[slot] !== file) throw new RangeError(`File ${file} has no payload.`);
    return this.#starts[slot]!;
  }

  /** The parts of [offset, offset + count), in order; the range must lie inside the payload. */
  segments(offset: number, count: number): FileSegment[] {
    const segments: FileSegment[] = [];
    let slot = lastAtMost(this.#starts, offset);
    for (let at = 0; at < count; slot++) {
      const fileOffset = offset + at - this.#starts[slot]!;
      const file = this.#files[slot]!;
      const length = Math.min(count - at, this.#lengths[file]! - fileOffset);
      segments.push({ file, fileOffset, at, length });
      at += length;
    }
    return segments;
  }
}

/** Index of the last element that is at most `value`, 0 when there is none. */
function lastAtMost(sorted: Float64Array | Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sorted[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
