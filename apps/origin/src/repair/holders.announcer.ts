import type { AnnounceAnswer, Announcer } from '#lib/swarm';
import type { Tracker } from '#lib/tracker';

const AGAIN_MS = 5000;
const RETRY_MS = 5000;
const MOST = 200;

/**
 * The machines that our tracker knows in a swarm. Nothing is announced: we come to fetch what we have
 * lost, and nobody should look for it here. Origins are left out, as they share our depot.
 */
export class HoldersAnnouncer implements Announcer {
  constructor(
    private readonly tracker: Pick<Tracker, 'peersOf'>,
    private readonly swarm: string,
  ) {}

  async announce(): Promise<AnnounceAnswer> {
    const known = await this.tracker.peersOf(this.swarm, MOST);
    const peers = known
      .filter(({ kind }) => kind !== 'origin')
      .map(({ host, port }) => ({ host, port }));
    return { intervalMs: AGAIN_MS, minIntervalMs: AGAIN_MS, peers };
  }

  retryAfterMs(): number {
    return RETRY_MS;
  }
}
