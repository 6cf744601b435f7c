/** Who gets what arrives on a transport. Calls are synchronous and never nested in `send`. */
export interface TransportHandler {
  /** A dialled transport is up; accepted ones are up from the start. */
  connected(): void;
  /**
   * Bytes, valid during the call only: what is kept must be copied, unless they came into the memory
   * that `into` named, from its beginning.
   */
  data(chunk: Uint8Array): void;
  /**
   * Memory that the bytes which come next are to be put into; null, or left out: any will do. A hint:
   * they may come elsewhere all the same. The memory may be written to until the next call of `data`,
   * until `closed`, or until `retarget`.
   */
  into?(): Uint8Array | null;
  /** Called once, last. `error` is null when one of the two ends closed on purpose. */
  closed(error: Error | null): void;
}

/**
 * An ordered, reliable byte stream to one peer.
 *
 * - `start` begins delivery; nothing is delivered before.
 * - `send` queues bytes. They are not copied: the caller must not change `head` ever, nor `body` until
 *   `sent` was called. `sent` is called exactly once, when the system took all bytes or the transport
 *   closed, and never from inside `send`.
 * - What is sent in one turn of the event loop leaves together.
 * - `retarget` takes back the memory that `into` named: it is not written to any more.
 * - `pause` stops delivery, and by that the sender, until `resume`.
 * - `close` drops what is queued; `closed` follows.
 */
export interface Transport {
  /** Canonical address literal and port of the other end. */
  readonly host: string;
  readonly port: number;
  /** Bytes queued that the system has not taken. */
  readonly queuedBytes: number;
  /** What is left of the write under way, bytes: it goes down as the other end reads. */
  readonly writingBytes: number;
  start(handler: TransportHandler): void;
  send(head: Uint8Array, body?: Uint8Array, sent?: () => void): void;
  retarget(): void;
  pause(): void;
  resume(): void;
  close(): void;
}
