import type { Clock } from '#lib/runtime';
import {
  EXTENSION,
  MAX_RANGES,
  encodeDontHave,
  encodeMessage,
  encodeOfferMessage,
  encodeRunMessage,
  extendedMessage,
  pieceHeader,
  spanHeader,
  type BlockKind,
  type HashRange,
  type IndexRange,
} from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import { AnswerBacklog } from './answer-backlog.js';
import type { PeerGreeting } from './peer-greeting.js';
import type { Transport } from './transport.js';

/** Says things to one peer, in the words that it understands. */
export class PeerSender {
  /** When something was last sent, monotonic milliseconds. */
  sentAt: number;
  /** Everything that was handed to the transport, bytes. */
  sentBytes = 0;
  readonly #answers = new AnswerBacklog();
  #choking = true;
  #interested = false;

  constructor(
    private readonly transport: Transport,
    private readonly greeting: PeerGreeting,
    private readonly clock: Clock,
  ) {
    this.sentAt = clock.monotonic();
  }

  /** Memory of answers that the peer asked for and did not read, bytes. */
  get unreadAnswers(): number {
    return this.#answers.cost(this.sentBytes, this.sentBytes - this.transport.queuedBytes);
  }

  /** BEP 6 is spoken. */
  get fast(): boolean {
    return this.greeting.fast;
  }

  get isChoking(): boolean {
    return this.#choking;
  }

  get isInterested(): boolean {
    return this.#interested;
  }

  keepAlive(): void {
    this.#send(encodeMessage({ type: 'keepAlive' }));
  }

  choke(choke: boolean): void {
    if (this.#choking === choke) return;
    this.#choking = choke;
    this.#answer(encodeMessage({ type: choke ? 'choke' : 'unchoke' }));
  }

  interest(interested: boolean): void {
    if (this.#interested === interested) return;
    this.#interested = interested;
    this.#send(encodeMessage({ type: interested ? 'interested' : 'notInterested' }));
  }

  /** What we have; the first message about pieces, once. */
  pieces(have: Bitfield): void {
    if (this.fast && (have.all || have.none)) {
      this.#send(encodeMessage({ type: have.all ? 'haveAll' : 'haveNone' }));
    } else if (!have.none) {
      this.#send(encodeMessage({ type: 'bitfield', bits: have.toBuffer() }));
    }
  }

  have(piece: number): void {
    this.#send(encodeMessage({ type: 'have', piece }));
  }

  /** BEP 6: the piece may be asked for in spite of a choke. */
  allowedFast(piece: number): void {
    this.#send(encodeMessage({ type: 'allowedFast', piece }));
  }

  /** Pieces that we now have, to a member. */
  haveRanges(ranges: readonly IndexRange[]): void {
    for (let at = 0; at < ranges.length; at += MAX_RANGES) {
      const pieces = ranges.slice(at, at + MAX_RANGES);
      this.#extended(EXTENSION.run, encodeRunMessage({ type: 'have', pieces }));
    }
  }

  /** @returns false when the peer does not understand that we lost a piece */
  dontHave(piece: number): boolean {
    return this.#extended(EXTENSION.dontHave, encodeDontHave(piece));
  }

  request(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#about('request', kind, index, begin, length);
  }

  cancel(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#about('cancel', kind, index, begin, length);
  }

  /** Without BEP 6 there is no word for it to strangers: they find out by waiting. */
  reject(kind: BlockKind, index: number, begin: number, length: number): void {
    if (kind === 'span' || this.fast) this.#about('reject', kind, index, begin, length);
  }

  /** Payload, uncopied: `bytes` must not change before `sent` is called. */
  block(kind: BlockKind, index: number, begin: number, bytes: Uint8Array, sent?: () => void): void {
    const head =
      kind === 'piece'
        ? pieceHeader(index, begin, bytes.length)
        : spanHeader(this.greeting.idOf(EXTENSION.run), index, begin, bytes.length);
    this.sentAt = this.clock.monotonic();
    this.sentBytes += head.length + bytes.length;
    this.transport.send(head, bytes, sent);
  }

  offer(type: 'offer' | 'withdraw' | 'wish', runs: readonly IndexRange[]): void {
    this.#extended(EXTENSION.offer, encodeOfferMessage({ type, runs }));
  }

  /**
   * @param hashes null to reject the request
   * @param sent called when the system took the answer, or the connection closed
   */
  hashes(range: HashRange, hashes: Buffer | null, sent?: () => void): void {
    const message = hashes
      ? encodeMessage({ ...range, type: 'hashes', hashes })
      : encodeMessage({ ...range, type: 'hashReject' });
    this.#answer(message, sent);
  }

  /** An answer of BEP 9. */
  metadata(payload: Buffer): void {
    const id = this.greeting.idOf(EXTENSION.metadata);
    if (id !== 0) this.#answer(extendedMessage(id, payload));
  }

  /** Tells again who we are, as when we became complete (BEP 21). */
  introduce(): void {
    const message = this.greeting.extensionHandshake(this.transport.host);
    if (message) this.#send(message);
  }

  #about(
    type: 'request' | 'cancel' | 'reject',
    kind: BlockKind,
    index: number,
    begin: number,
    length: number,
  ): void {
    if (kind === 'piece') this.#answer(encodeMessage({ type, piece: index, begin, length }));
    else {
      const message = encodeRunMessage({ type, run: index, offset: begin, length });
      this.#extended(EXTENSION.run, message);
      this.#answers.add(message.length);
    }
  }

  #extended(name: string, payload: Buffer): boolean {
    const id = this.greeting.idOf(name);
    if (id === 0) return false;
    this.#send(extendedMessage(id, payload));
    return true;
  }

  /** What a peer can make us send as often as it likes. */
  #answer(bytes: Buffer, sent?: () => void): void {
    this.#answers.add(bytes.length);
    this.#send(bytes, sent);
  }

  #send(bytes: Buffer, sent?: () => void): void {
    this.sentAt = this.clock.monotonic();
    this.sentBytes += bytes.length;
    this.transport.send(bytes, undefined, sent);
  }
}
