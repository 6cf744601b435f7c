import { retry, type Clock, type Logger, type Random } from '#lib/runtime';
import type { Session } from '#lib/swarm';

export interface SwarmReturnsOptions {
  readonly session: Session;
  /** Tells the tracker of everything at once. */
  readonly announce: (
    announces: readonly { artifact: string; left: number }[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** After the tracker forgot its peers, agents come back spread over this long, milliseconds. */
const SPREAD_MS = 8_000;
const RETRY = { startMs: 1_000, limitMs: 15_000, attempts: 6 };

/** Brings this machine back into its swarms when the tracker has begun anew. */
export class SwarmReturns {
  #cancel: () => void = () => {};

  constructor(private readonly options: SwarmReturnsOptions) {}

  /** Called again meanwhile, it begins again. */
  begin(): void {
    const { clock, random, logger } = this.options;
    this.#cancel();
    this.#cancel = clock.setTimer(random() * SPREAD_MS, () => {
      this.#announceAll().catch((error: unknown) =>
        logger.warn('announces not renewed', { error }),
      );
    });
  }

  /** What is not told in the end is told by each torrent's own announces, later. */
  async #announceAll(): Promise<void> {
    const { announce, random, signal } = this.options;
    await retry(() => announce(this.#all(), signal), { ...RETRY, random, signal });
  }

  #all(): { artifact: string; left: number }[] {
    return [...this.options.session.torrents].map((torrent) => {
      const { wantedBytes, haveBytes } = torrent.progress();
      return { artifact: torrent.infoHashV2.toString('hex'), left: wantedBytes - haveBytes };
    });
  }
}
