import type { RunHoldings } from './run.holdings.js';

/** What a picker knows of one peer. */
export class PickerPeer {
  /** Runs that the peer, an origin, said may be requested from it; they do not count as held. */
  readonly offers = new Set<number>();
  /** Runs of which it rejected something: it is asked for all others first. */
  readonly refused = new Set<number>();
  /** Open runs that the peer can give; kept by the picker. 0: it need not be asked. */
  interesting = 0;

  constructor(readonly holdings: RunHoldings) {}

  canGive(run: number): boolean {
    return this.holdings.holds(run) || this.offers.has(run);
  }
}
