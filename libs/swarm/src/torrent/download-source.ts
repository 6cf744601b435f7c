import { PickerPeer } from '../policy/picker.peer.js';
import { RequestDepth } from '../policy/request.depth.js';
import { Source } from '../policy/request.planner.js';
import type { RunHoldings } from '../policy/run.holdings.js';
import type { Neighbour } from './neighbour.js';
import type { SpanRequest } from './span-request.js';

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
  snubbedAt = 0;
  /** Bytes that came since then. */
  cameSince = 0;
  /** Requests that it rejected since it last delivered, and since when. */
  rejections = 0;
  rejectsSince = 0;
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
    const pick = new DownloadPeer(holdings);
    const { reqq, isMember } = neighbour.connection;
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
    if (this.snubbedAt > 0) this.snubbedAt = now;
  }
}
