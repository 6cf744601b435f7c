/** Longest line that is kept, in characters: an endless one must not fill the memory. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Takes a `text/event-stream` (WHATWG HTML, server-sent events) apart as it arrives. Comments, ids
 * and event names are skipped: our streams say what they are in the data.
 */
export class EventStreamParser {
  readonly #decoder = new TextDecoder();
  #pending = '';
  #data: string[] = [];

  /** @returns the data of every event that is complete now. @throws RangeError for endless lines. */
  push(chunk: Uint8Array): string[] {
    this.#pending += this.#decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of a CRLF, so it waits for what comes next.
    const lines = this.#pending.split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop() ?? '';
    if (this.#pending.length > MAX_LINE) throw new RangeError('An event is too long.');
    const events: string[] = [];
    for (const line of lines) {
      if (line.startsWith('data:')) {
        this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      } else if (line === '' && this.#data.length > 0) {
        events.push(this.#data.join('\n'));
        this.#data = [];
      }
    }
    return events;
  }
}
