import type { Transport, TransportHandler } from './transport.js';

/** One end of a connection inside the process, for tests and simulation. */
class MemoryTransport implements Transport {
  other!: MemoryTransport;
  queuedBytes = 0;
  readonly writingBytes = 0;
  #handler: TransportHandler | null = null;
  #outbox: (() => void)[] = [];
  #inbox: Uint8Array[] = [];
  #paused = false;
  #closed = false;

  constructor(
    readonly host: string,
    readonly port: number,
    private readonly dialled: boolean,
  ) {}

  start(handler: TransportHandler): void {
    this.#handler = handler;
    setImmediate(() => {
      if (this.dialled && !this.#closed) handler.connected();
      this.#drain();
    });
  }

  send(head: Uint8Array, body?: Uint8Array, sent?: () => void): void {
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.queuedBytes += head.length + (body?.length ?? 0);
    this.#outbox.push(() => {
      if (!this.#closed) {
        // Copies, as a network makes them: the receiver must not see later changes.
        this.other.#receive(Uint8Array.from(head));
        if (body) this.other.#receive(Uint8Array.from(body));
      }
      sent?.();
    });
  }

  retarget(): void {
    // Nothing is written between two deliveries.
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    setImmediate(() => this.#drain());
  }

  close(): void {
    this.#end();
    setImmediate(() => this.other.#end());
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    setImmediate(() => {
      this.#flush();
      this.#handler?.closed(null);
    });
  }

  #flush(): void {
    const outbox = this.#outbox;
    this.#outbox = [];
    this.queuedBytes = 0;
    for (const deliver of outbox) deliver();
  }

  #receive(chunk: Uint8Array): void {
    this.#inbox.push(chunk);
    this.#drain();
  }

  #drain(): void {
    while (this.#handler && !this.#paused && !this.#closed) {
      const chunk = this.#inbox.shift();
      if (chunk === undefined) return;
      const into = this.#handler.into?.() ?? null;
      if (into === null) {
        this.#handler.data(chunk);
        continue;
      }
      const count = Math.min(into.length, chunk.length);
      if (count < chunk.length) this.#inbox.unshift(chunk.subarray(count));
      into.set(chunk.subarray(0, count));
      this.#handler.data(into.subarray(0, count));
    }
  }
}

/** A connection inside the process: [the end that dialled, the end that accepted]. */
export function memoryTransports(host = '127.0.0.1'): [dialled: Transport, accepted: Transport] {
  const dialled = new MemoryTransport(host, 1, true);
  const accepted = new MemoryTransport(host, 2, false);
  dialled.other = accepted;
  accepted.other = dialled;
  return [dialled, accepted];
}
