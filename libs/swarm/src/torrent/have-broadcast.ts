import type { Clock } from '#lib/runtime';
import type { IndexRange } from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import { LONGEST_WAIT_MS, canWait } from '../policy/have.patience.js';
import type { Neighbour } from './neighbour.js';

export interface HaveBroadcastOptions {
  readonly neighbours: ReadonlySet<Neighbour>;
  /** What we have; it is told after it was set here. */
  readonly have: Bitfield;
  /** Pieces of a usual run. */
  readonly runPieces: number;
  readonly clock: Clock;
}

/** How much of the news somebody was told. */
interface Told {
  readonly ranges: number;
  readonly pieces: number;
}

const NOTHING: Told = { ranges: 0, pieces: 0 };

/**
 * Tells neighbours what we got. What is verified in one turn of the event loop is told together: to a
 * member in one message of ranges, to a stranger in a HAVE a piece.
 *
 * A message costs both ends as much as many kilobytes of payload: to send it, and to wake up for it. So a
 * member that has enough to ask us for is told a few times a second only; one that has not, and an origin, at
 * once.
 */
export class HaveBroadcast {
  readonly #options: HaveBroadcastOptions;
  /** What not everybody was told, in the order in which it came. */
  #news: IndexRange[] = [];
  #newsPieces = 0;
  readonly #told = new Map<Neighbour, Told>();
  #scheduled: NodeJS.Immediate | null = null;
  #cancelTimer: (() => void) | null = null;

  constructor(options: HaveBroadcastOptions) {
    this.#options = options;
  }

  /** Pieces [first, first + count) are there now. */
  add(first: number, count: number): void {
    this.#news.push({ first, count });
    this.#newsPieces += count;
    this.#scheduled ??= setImmediate(() => this.#tellWhoNeeds());
  }

  /** Tells everybody now; before a neighbour is told everything, so that it is not told twice. */
  flush(): void {
    this.close();
    for (const neighbour of this.#options.neighbours) this.#tell(neighbour);
    this.#told.clear();
    this.#news = [];
    this.#newsPieces = 0;
  }

  /** Nothing is told any more until there is something new. */
  close(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #tellWhoNeeds(): void {
    this.#scheduled = null;
    let waits = false;
    for (const neighbour of this.#options.neighbours) {
      if (this.#hasEnough(neighbour)) waits = true;
      else this.#tell(neighbour);
    }
    if (!waits) this.flush();
    else {
      const { clock } = this.#options;
      this.#cancelTimer ??= clock.setTimer(LONGEST_WAIT_MS, () => this.flush());
    }
  }

  #hasEnough(neighbour: Neighbour): boolean {
    const { have, runPieces } = this.#options;
    const { connection } = neighbour;
    // An origin has no use for pieces: by what is told it sees what to send next.
    if (!connection.isMember || connection.role === 'origin') return false;
    const untold = this.#newsPieces - this.#toldTo(neighbour).pieces;
    return canWait(have, connection.have, runPieces, untold);
  }

  #tell(neighbour: Neighbour): void {
    const news = this.#news.slice(this.#toldTo(neighbour).ranges);
    if (news.length === 0) return;
    this.#told.set(neighbour, { ranges: this.#news.length, pieces: this.#newsPieces });
    const { connection } = neighbour;
    const ranges = merged(news).filter((range) => isNews(connection, range));
    if (connection.isMember) connection.send!.haveRanges(ranges);
    else for (const range of ranges) tellStranger(connection, range);
  }

  #toldTo(neighbour: Neighbour): Told {
    return this.#told.get(neighbour) ?? NOTHING;
  }
}

/**
 * Who has the pieces will never ask for them, and whether they are rare is nothing to it: half of what
 * there is to tell need not be told. An origin is told everything, for it counts the copies.
 */
function isNews({ have, role }: Neighbour['connection'], { first, count }: IndexRange): boolean {
  return role === 'origin' || !have.hasRange(first, count);
}

function tellStranger(connection: Neighbour['connection'], { first, count }: IndexRange): void {
  for (let piece = first; piece < first + count; piece++) {
    if (!connection.have.get(piece)) connection.send!.have(piece);
  }
}

/** The same indices in as few ranges as can be, in order. */
export function merged(ranges: readonly IndexRange[]): IndexRange[] {
  const result: { first: number; count: number }[] = [];
  for (const { first, count } of ranges.toSorted((left, right) => left.first - right.first)) {
    const last = result.at(-1);
    if (last && first <= last.first + last.count) {
      last.count = Math.max(last.count, first + count - last.first);
    } else {
      result.push({ first, count });
    }
  }
  return result;
}
