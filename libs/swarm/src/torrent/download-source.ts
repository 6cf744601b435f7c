import { PickerPeer } from '../policy/picker.peer.js';
import { seedOfPeer } from '../policy/rendezvous.score.js';
import { RequestDepth } from '../policy/request.depth.js';
import { Source } from '../policy/request.planner.js';
import type { RunHoldings } from '../policy/run.holdings.js';
import type { Neighbour } from './neighbour.js';
import type { SpanRequest } from './span-request.js';

/** Who rejected so much without delivering anything is not asked again for so long, milliseconds. */
const REJECTIONS_BEFORE_REST = 4;
const REST_MS = 250;
/** Who rejects so many requests and delivers nothing has not got what it says it has. */
const MOST_REJECTIONS = 16;
/** Who owes us something delivers at least so much, bytes a second; less is nothing. */
const LEAST_RATE = 1024;

/** The picker's view of who can be asked, which leads back to the neighbour; null for a web seed. */
export class DownloadPeer extends PickerPeer {
  source: DownloadSource | null = null;
}

/** What we have requested from one neighbour. */
export class DownloadSource extends Source {
  /** By span, the oldest first. */
  readonly requests = new Map<number, SpanRequest>();
  /** When payload last came, monotonic milliseconds. */
  lastBytesAt = -Infinity;
  /** Since when it delivers nothing to speak of, although its requests are overdue; 0 when it delivers. */
  #overdueSince = 0;
  /** Bytes that came since then. */
  #cameSince = 0;
  /** Requests that it rejected since it last delivered, and since when. */
  #rejections = 0;
  #rejectsSince = 0;
  /** It rejected something: it is left alone until then. */
  restsUntil = 0;
  /** The request whose block is coming in, and where in its span. */
  receiving: SpanRequest | null = null;
  receivingAt = 0;

  constructor(
    readonly neighbour: Neighbour,
    holdings: RunHoldings,
    now: number,
  ) {
    const { reqq, isMember, distance, peerId } = neighbour.connection;
    const pick = new DownloadPeer(holdings, distance, seedOfPeer(peerId!));
    super(pick, new RequestDepth(now, reqq, !isMember));
    pick.source = this;
    this.choking = neighbour.connection.choking;
  }

  /** Bytes requested that have not come. */
  get outstandingBytes(): number {
    let bytes = 0;
    for (const request of this.requests.values()) bytes += request.length - request.received;
    return bytes;
  }

  /** When the oldest request was made; Infinity without any. */
  get oldestAt(): number {
    for (const request of this.requests.values()) return request.askedAt;
    return Infinity;
  }

  /** Its silence up to now was our own doing. */
  excuse(now: number): void {
    this.lastBytesAt = now;
    if (this.#overdueSince > 0) this.#overdueSince = now;
  }

  /** Its requests are overdue: from now on it is seen how much comes. */
  overdue(now: number): void {
    if (this.#overdueSince === 0) this.#observe(now);
  }

  /** Bytes of a block came in. */
  came(bytes: number): void {
    this.#cameSince += bytes;
  }

  /** A whole block came. */
  delivered(): void {
    this.#rejections = 0;
    this.#overdueSince = 0;
  }

  /** To be called a few times a second. @returns whether it has delivered next to nothing for so long */
  isHung(now: number, hungMs: number): boolean {
    if (!this.snubbed && this.requests.size === 0) this.#overdueSince = 0;
    if (this.#overdueSince === 0 || now - this.#overdueSince <= hungMs) return false;
    if (this.#cameSince < (LEAST_RATE * (now - this.#overdueSince)) / 1000) return true;
    this.#observe(now);
    return false;
  }

  /** It rejected a request. @returns whether it has done nothing else for so long */
  rejected(now: number, hungMs: number): boolean {
    if (this.#rejections++ === 0) this.#rejectsSince = now;
    if (this.#rejections > REJECTIONS_BEFORE_REST) {
      this.restsUntil = now + REST_MS;
      this.full = true;
    }
    return this.#rejections > MOST_REJECTIONS && now - this.#rejectsSince > hungMs;
  }

  #observe(now: number): void {
    this.#overdueSince = now;
    this.#cameSince = 0;
  }
}
