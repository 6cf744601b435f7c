import { KEEP_ALIVE, checkPayloadLength, decodeMessage, isKnownId } from './message.decoder.js';
import {
  DEFAULT_WIRE_LIMITS,
  MESSAGE_ID,
  type BlockKind,
  type WireLimits,
  type WireSink,
} from './message.types.js';
import { wireInvalid } from './wire.errors.js';

/** What the next bytes are. */
const LENGTH = 0;
const ID = 1;
/** The fixed part before a block, or the two bytes that tell span data from other extensions. */
const HEAD = 2;
const BODY = 3;
const BLOCK = 4;
const SKIP = 5;

/** First byte of an `fs_run` message that carries data. */
const SPAN_DATA = 1;
/** Extension id and kind; then run and offset. */
const SPAN_KIND_BYTES = 2;
const SPAN_HEAD_BYTES = 10;
const PIECE_HEAD_BYTES = 8;
const FIRST_BODY_BYTES = 16 * 1024;

/**
 * Cuts the byte stream after the handshake into messages. Blocks are copied straight from the chunk
 * to where the sink wants them; nothing is allocated for them. Any split of the stream gives the same
 * calls. After an error the decoder takes no more bytes.
 *
 * A body grows as its bytes come: a peer that announces a megabyte and sends nothing costs 16 KiB. What
 * the sink does not want is not kept at all.
 */
export class WireDecoder {
  /** May be changed at any time, as when the number of pieces becomes known. */
  readonly limits: WireLimits;
  /** The id that *we* advertised for `fs_run`; 0 while we advertised none. */
  spanExtensionId = 0;

  readonly #sink: WireSink;
  /** Assembles length prefixes and heads that chunks cut in two. */
  readonly #head = Buffer.alloc(16);
  #state = LENGTH;
  #headFilled = 0;
  #headNeeded = 4;
  #id = 0;
  /** Bytes of this message still to come. */
  #left = 0;
  #body: Buffer | null = null;
  #bodyFilled = 0;
  #target: Uint8Array | null = null;
  #targetFilled = 0;
  #blockKind: BlockKind = 'piece';
  #blockIndex = 0;
  #blockBegin = 0;
  #blockLength = 0;
  #stopped = false;

  constructor(sink: WireSink, limits: Readonly<WireLimits> = DEFAULT_WIRE_LIMITS) {
    this.#sink = sink;
    this.limits = { ...limits };
  }

  /**
   * Takes the next bytes, which are only read during the call.
   * @throws FleetseedError WIRE_INVALID; whatever the sink throws passes through.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    try {
      while (at < chunk.length && !this.#stopped) at = this.#step(chunk, at);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * Where the bytes that come next are to be, when they are the rest of a wanted block; null otherwise.
   * What was read straight into this memory is pushed as the view that it is, and is not copied.
   */
  get restOfBlock(): Uint8Array | null {
    const target = this.#state === BLOCK ? this.#target : null;
    return target && (this.#targetFilled === 0 ? target : target.subarray(this.#targetFilled));
  }

  /** Drops all further bytes, also the rest of a chunk that is being pushed. */
  stop(): void {
    this.#stopped = true;
    this.#target = null;
    this.#body = null;
  }

  /**
   * Gives the target of the block under way back to its owner: the rest of the block is discarded.
   * `blockEnds` is still called when its last byte has passed.
   */
  discardBlock(): void {
    this.#target = null;
  }

  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case BLOCK:
        return this.#takeBlock(chunk, at);
      case BODY:
        return this.#takeBody(chunk, at);
      case SKIP:
        return this.#skip(chunk, at);
      case ID:
        this.#beginMessage(chunk[at]!);
        return at + 1;
      default:
        return this.#takeHead(chunk, at);
    }
  }

  #takeHead(chunk: Uint8Array, at: number): number {
    while (at < chunk.length && this.#headFilled < this.#headNeeded) {
      this.#head[this.#headFilled++] = chunk[at++]!;
    }
    if (this.#headFilled === this.#headNeeded) {
      if (this.#state === LENGTH) this.#endLength();
      else this.#endHead();
    }
    return at;
  }

  #endLength(): void {
    const length = this.#head.readUInt32BE(0);
    this.#headFilled = 0;
    if (length === 0) {
      this.#sink.message(KEEP_ALIVE);
      return;
    }
    // A block has at most SPAN_HEAD_BYTES + 1 bytes before it; which limit holds, the id decides.
    const most = Math.max(this.limits.maxMessageBytes, this.limits.maxBlockBytes + 11);
    if (length > most) throw wireInvalid('a message is too long', { bytes: length, most });
    this.#left = length;
    this.#state = ID;
  }

  #beginMessage(id: number): void {
    this.#id = id;
    this.#left -= 1;
    if (id === MESSAGE_ID.piece) {
      if (this.#left <= PIECE_HEAD_BYTES) throw wireInvalid('a piece message without a block');
      this.#awaitHead(PIECE_HEAD_BYTES);
    } else if (id === MESSAGE_ID.extended && this.#left >= SPAN_KIND_BYTES) {
      this.#awaitHead(SPAN_KIND_BYTES);
    } else {
      this.#beginBody();
    }
  }

  #awaitHead(bytes: number): void {
    this.#state = HEAD;
    this.#headFilled = 0;
    this.#headNeeded = bytes;
  }

  #endHead(): void {
    const head = this.#head;
    if (this.#id === MESSAGE_ID.piece) {
      this.#beginBlock('piece', head.readUInt32BE(0), head.readUInt32BE(4), PIECE_HEAD_BYTES);
    } else if (this.#headNeeded === SPAN_HEAD_BYTES) {
      this.#beginBlock('span', head.readUInt32BE(2), head.readUInt32BE(6), SPAN_HEAD_BYTES);
    } else if (this.#isSpanData(head)) {
      if (this.#left <= SPAN_HEAD_BYTES) throw wireInvalid('span data without bytes');
      this.#headNeeded = SPAN_HEAD_BYTES;
    } else if (this.#isUnwanted(head[0]!)) {
      this.#checkLength();
      this.#left -= SPAN_KIND_BYTES;
      this.#beginSkip();
    } else {
      // Another extension: the two bytes that were looked at are the start of its body.
      this.#beginBody();
      this.#takeBody(head, 0, SPAN_KIND_BYTES);
    }
  }

  #isUnwanted(extensionId: number): boolean {
    return this.#sink.wants?.(this.#id, extensionId) === false;
  }

  #isSpanData(head: Buffer): boolean {
    return this.spanExtensionId !== 0 && head[0] === this.spanExtensionId && head[1] === SPAN_DATA;
  }

  #beginBlock(kind: BlockKind, index: number, begin: number, headBytes: number): void {
    const length = this.#left - headBytes;
    const most = this.limits.maxBlockBytes;
    if (length > most) throw wireInvalid('a block is too long', { bytes: length, most });
    this.#state = BLOCK;
    this.#left = length;
    this.#blockKind = kind;
    this.#blockIndex = index;
    this.#blockBegin = begin;
    this.#blockLength = length;
    this.#targetFilled = 0;
    const target = this.#sink.blockBegins(kind, index, begin, length);
    if (target && target.length !== length) {
      throw new RangeError(`The target of a block of ${length} bytes has ${target.length}`);
    }
    this.#target = this.#stopped ? null : target;
  }

  #takeBlock(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at);
    if (this.#target) {
      if (!this.#isInPlace(this.#target, chunk, at)) {
        const whole = at === 0 && taken === chunk.length;
        this.#target.set(whole ? chunk : chunk.subarray(at, at + taken), this.#targetFilled);
      }
      this.#targetFilled += taken;
    }
    this.#left -= taken;
    if (this.#left === 0) {
      this.#target = null;
      this.#awaitLength();
      this.#sink.blockEnds(this.#blockKind, this.#blockIndex, this.#blockBegin, this.#blockLength);
    }
    return at + taken;
  }

  /** Whether the bytes were read straight to where they belong. */
  #isInPlace(target: Uint8Array, chunk: Uint8Array, at: number): boolean {
    return (
      chunk.buffer === target.buffer &&
      chunk.byteOffset + at === target.byteOffset + this.#targetFilled
    );
  }

  #checkLength(): void {
    const most = this.limits.maxMessageBytes;
    // `most` bounds the message with its id; `#left` no longer counts that.
    if (this.#left >= most) throw wireInvalid('a message is too long', { id: this.#id, most });
    checkPayloadLength(this.#id, this.#left);
  }

  #beginBody(): void {
    this.#checkLength();
    if (!isKnownId(this.#id) || (this.#id === MESSAGE_ID.hashes && this.#isUnwanted(0))) {
      this.#beginSkip();
      return;
    }
    this.#state = BODY;
    this.#bodyFilled = 0;
    this.#body = this.#left > this.#head.length ? null : this.#head;
    if (this.#left === 0) this.#endBody(this.#head.subarray(0, 0));
  }

  /** `end` bounds what is read of `chunk`. Small bodies are assembled in the head's place. */
  #takeBody(chunk: Uint8Array, at: number, end = chunk.length): number {
    const taken = Math.min(this.#left, end - at);
    if (this.#bodyFilled === 0 && taken === this.#left) {
      this.#left = 0;
      this.#endBody(Buffer.from(chunk.buffer, chunk.byteOffset + at, taken));
      return at + taken;
    }
    const body = this.#bodyWithRoom(this.#bodyFilled + taken);
    body.set(chunk.subarray(at, at + taken), this.#bodyFilled);
    this.#bodyFilled += taken;
    this.#left -= taken;
    if (this.#left === 0) this.#endBody(body.subarray(0, this.#bodyFilled));
    return at + taken;
  }

  #bodyWithRoom(needed: number): Buffer {
    const body = this.#body;
    if (body && body.length >= needed) return body;
    const whole = this.#bodyFilled + this.#left;
    const size = Math.min(whole, Math.max(needed, FIRST_BODY_BYTES, 2 * (body?.length ?? 0)));
    const grown = Buffer.allocUnsafeSlow(size);
    if (body) body.copy(grown, 0, 0, this.#bodyFilled);
    this.#body = grown;
    return grown;
  }

  #endBody(payload: Buffer): void {
    this.#body = null;
    this.#awaitLength();
    this.#sink.message(decodeMessage(this.#id, payload));
  }

  #beginSkip(): void {
    this.#state = SKIP;
    if (this.#left === 0) this.#endSkip();
  }

  #skip(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at);
    this.#left -= taken;
    if (this.#left === 0) this.#endSkip();
    return at + taken;
  }

  #endSkip(): void {
    this.#awaitLength();
    this.#sink.message({ type: 'unknown', id: this.#id });
  }

  #awaitLength(): void {
    this.#state = LENGTH;
    this.#headFilled = 0;
    this.#headNeeded = 4;
  }
}
