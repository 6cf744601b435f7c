import type { RunHoldings } from './run.holdings.js';

/** Whether a peer stands in our zone. Unknown: it, or we, did not say where. */
export type Distance = 'near' | 'far' | 'unknown';

/** What a picker knows of one peer. */
export class PickerPeer {
  /** Runs that the peer, an origin, said may be requested from it; they do not count as held. */
  readonly offers = new Set<number>();
  /** Runs of which it rejected something: it is asked for all others first. */
  readonly refused = new Set<number>();
  /** Open runs that the peer can give; kept by `PeerInterest`. 0: it need not be asked. */
  interesting = 0;

  constructor(
    readonly holdings: RunHoldings,
    readonly distance: Distance = 'unknown',
    /** Tells it from others of our zone, alike for all of them (see `ZoneShare`). */
    readonly seed = 0,
  ) {}
}
