import { MAX_RANGES, type IndexRange } from '#lib/wire';

import type { RunWindow } from '../policy/run.window.js';
import type { SpanTable } from '../policy/span.table.js';
import { merged } from './have-broadcast.js';
import type { Neighbour } from './neighbour.js';

/**
 * Tells origins what is of use to a download that does not want everything, or not yet: an origin
 * offers what it thinks best unless it is told.
 */
export class Wishes {
  readonly #origins = new Set<Neighbour>();

  /** @param isPartial pieces are lacking that the download does not want */
  constructor(
    private readonly table: SpanTable,
    private readonly window: RunWindow | null,
    private readonly isPartial: boolean,
  ) {}

  /** A neighbour takes part, and has heard what we have. */
  tell(neighbour: Neighbour): void {
    const { connection } = neighbour;
    if (connection.role !== 'origin' || (!this.isPartial && !this.window)) return;
    this.#origins.add(neighbour);
    const runs = this.#runs();
    if (runs.length <= MAX_RANGES) connection.send!.offer('wish', runs);
  }

  /** The window moved. */
  tellAgain(): void {
    for (const origin of this.#origins) {
      if (origin.connection.isClosed) this.#origins.delete(origin);
      else this.tell(origin);
    }
  }

  #runs(): IndexRange[] {
    if (this.window) {
      const { firstRun, endRun } = this.window;
      return [{ first: firstRun, count: endRun - firstRun }];
    }
    const runs: IndexRange[] = [];
    for (const [run, missing] of this.table.missingInRun.entries()) {
      if (missing > 0) runs.push({ first: run, count: 1 });
    }
    return merged(runs);
  }
}
