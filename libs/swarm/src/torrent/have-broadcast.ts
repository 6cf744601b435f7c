import type { IndexRange } from '#lib/wire';

import type { Neighbour } from './neighbour.js';

/**
 * Tells neighbours what we got. What is verified in one turn of the event loop is told together: to a
 * member in one message of ranges, to a stranger in a HAVE a piece.
 */
export class HaveBroadcast {
  #fresh: IndexRange[] = [];
  #scheduled: NodeJS.Immediate | null = null;

  constructor(private readonly neighbours: ReadonlySet<Neighbour>) {}

  /** Pieces [first, first + count) are there now. */
  add(first: number, count: number): void {
    this.#fresh.push({ first, count });
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Tells now; before a neighbour is told everything, so that it is not told twice. */
  flush(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    if (this.#fresh.length === 0) return;
    const ranges = merged(this.#fresh);
    this.#fresh = [];
    for (const { connection } of this.neighbours) {
      const news = ranges.filter((range) => isNews(connection, range));
      if (connection.isMember) connection.send!.haveRanges(news);
      else for (const range of news) tellStranger(connection, range);
    }
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
