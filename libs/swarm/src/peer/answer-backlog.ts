/** What a message that waits costs besides its bytes, bytes: objects of the queue. */
const MESSAGE_OVERHEAD = 256;

/**
 * How much memory the answers take that a peer asked for and did not read yet, at most: positions in the
 * stream tell which of them are gone. It errs by what was queued during one queue's length.
 */
export class AnswerBacklog {
  #older = 0;
  #newer = 0;
  /** Where in the stream the newer ones begin. */
  #from = 0;

  /** An answer was queued; the stream is now so long, bytes. */
  add(bytes: number): void {
    this.#newer += bytes + MESSAGE_OVERHEAD;
  }

  /**
   * @param end length of the stream, bytes
   * @param taken how much of it the peer took
   */
  cost(end: number, taken: number): number {
    if (taken >= end) this.#older = this.#newer = 0;
    if (taken >= this.#from) {
      this.#older = this.#newer;
      this.#newer = 0;
      this.#from = end;
    }
    return this.#older + this.#newer;
  }
}
