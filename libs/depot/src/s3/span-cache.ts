import type { ByteRange } from '../depot.js';

/** Objects are read in stretches of so many bytes, whatever is asked for. */
export const SPAN = 1024 * 1024;

/** Where spans come from. */
export interface SpanReads {
  read(key: string, range: ByteRange): Promise<Buffer>;
}

interface Span {
  readonly loading: Promise<Buffer>;
  /** Bytes that it takes; 0 while it is on its way. */
  bytes: number;
}

/** Stretches of objects that were read last, so that blocks side by side cost one request. */
export class SpanCache {
  /** In order of last use. */
  readonly #spans = new Map<string, Span>();
  #bytes = 0;

  constructor(
    private readonly reads: SpanReads,
    private readonly limitBytes: number,
  ) {}

  /** Bytes from `number * SPAN` to the end of that span, or of the object, which has `length` bytes. */
  get(key: string, number: number, length: number): Promise<Buffer> {
    const name = `${number} ${key}`;
    const known = this.#spans.get(name);
    if (known) this.#spans.delete(name);
    const span = known ?? this.#load(key, name, number, length);
    this.#spans.set(name, span);
    return span.loading;
  }

  #load(key: string, name: string, number: number, length: number): Span {
    const offset = number * SPAN;
    const loading = this.reads.read(key, { offset, length: Math.min(SPAN, length - offset) });
    const span: Span = { loading, bytes: 0 };
    loading.then(
      (bytes) => this.#arrived(name, span, bytes.length),
      () => this.#forget(name, span),
    );
    return span;
  }

  #arrived(name: string, span: Span, bytes: number): void {
    if (this.#spans.get(name) !== span) return;
    span.bytes = bytes;
    this.#bytes += bytes;
    for (const [oldest, each] of this.#spans) {
      if (this.#bytes <= this.limitBytes) return;
      this.#forget(oldest, each);
    }
  }

  #forget(name: string, span: Span): void {
    if (this.#spans.get(name) !== span) return;
    this.#spans.delete(name);
    this.#bytes -= span.bytes;
  }
}
