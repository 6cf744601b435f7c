import type { Transport, TransportHandler } from '../peer/transport.js';
import type { RateLimiter } from '../policy/rate.limiter.js';

/** Says how much may be read, and wakes who waits for it. */
export interface ReadGate {
  /** Bytes that may be delivered now; Infinity without a limit. What is delivered is `spent`. */
  grant(reader: PacedTransport): number;
  spent(reader: PacedTransport, bytes: number): void;
  /** `goOn` is to be called when there is a grant. */
  wait(reader: PacedTransport): void;
  forget(reader: PacedTransport): void;
}

/**
 * A transport that is read at the pace of a gate: bytes are handed on as it grants them. What came
 * beyond that, one chunk at most, is kept here, and nothing more is read, which slows the sender.
 */
export class PacedTransport implements Transport, TransportHandler {
  /** Limits besides the session's; set when it is known what the connection is for. */
  limiter: RateLimiter | null = null;
  #handler: TransportHandler | null = null;
  /** What came and was not handed on. */
  #rest: Uint8Array | null = null;
  #paused = false;
  #closed = false;

  constructor(
    private readonly inner: Transport,
    private readonly gate: ReadGate,
  ) {}

  get host(): string {
    return this.inner.host;
  }

  get port(): number {
    return this.inner.port;
  }

  get queuedBytes(): number {
    return this.inner.queuedBytes;
  }

  get writingBytes(): number {
    return this.inner.writingBytes;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.inner.start(this);
  }

  send(head: Uint8Array, body?: Uint8Array, sent?: () => void): void {
    this.inner.send(head, body, sent);
  }

  retarget(): void {
    this.inner.retarget();
  }

  pause(): void {
    this.#paused = true;
    this.inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#rest) this.goOn();
    else this.inner.resume();
  }

  close(): void {
    this.#end();
    this.inner.close();
  }

  connected(): void {
    this.#handler!.connected();
  }

  data(chunk: Uint8Array): void {
    const done = this.#deliver(chunk);
    if (done === chunk.length || this.#closed) return;
    // The chunk is only ours during the call.
    this.#rest = Uint8Array.from(chunk.subarray(done));
    this.inner.pause();
    if (!this.#paused) this.gate.wait(this);
  }

  /** What waits here comes first, and is elsewhere. */
  into(): Uint8Array | null {
    return this.#rest === null ? (this.#handler?.into?.() ?? null) : null;
  }

  closed(error: Error | null): void {
    this.#end();
    this.#handler!.closed(error);
  }

  /** There is a grant. */
  goOn(): void {
    const rest = this.#rest;
    if (rest === null || this.#paused || this.#closed) return;
    const done = this.#deliver(rest);
    if (this.#closed) return;
    if (done < rest.length) {
      this.#rest = rest.subarray(done);
      if (!this.#paused) this.gate.wait(this);
      return;
    }
    this.#rest = null;
    if (!this.#paused) this.inner.resume();
  }

  /** @returns how many bytes were handed on */
  #deliver(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.#paused && !this.#closed) {
      const most = this.gate.grant(this);
      if (most === 0) break;
      const end = Math.min(bytes.length, at + most);
      this.gate.spent(this, end - at);
      this.#handler!.data(end - at === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
    }
    return at;
  }

  #end(): void {
    this.#closed = true;
    this.#rest = null;
    this.gate.forget(this);
  }
}
