import type { BlockKind, WireMessage, WireSink } from './message.types.js';

export interface ReceivedBlock {
  readonly kind: BlockKind;
  readonly index: number;
  readonly begin: number;
  readonly bytes: string;
}

/** Keeps everything in order, blocks as hex, so that two runs can be compared as values. */
export class RecordingSink implements WireSink {
  readonly events: (WireMessage | ReceivedBlock)[] = [];
  /** Bytes of the largest block or message that was asked for. */
  largest = 0;
  #target: Uint8Array | null = null;

  constructor(private readonly discard: boolean = false) {}

  message(message: WireMessage): void {
    this.events.push(message);
  }

  blockBegins(_kind: BlockKind, _index: number, _begin: number, length: number) {
    this.largest = Math.max(this.largest, length);
    this.#target = this.discard ? null : new Uint8Array(length);
    return this.#target;
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    const bytes = this.#target ? Buffer.from(this.#target).toString('hex') : `${length} discarded`;
    this.events.push({ kind, index, begin, bytes });
  }
}
