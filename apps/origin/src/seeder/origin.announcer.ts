import type { AnnounceAnswer, AnnounceRequest, Announcer } from '#lib/swarm';
import type { Tracker, TrackerCaller } from '#lib/tracker';
import { formatIpPort, type HostPort } from '#lib/wire';

const SELF: TrackerCaller = { id: 'origin', kind: 'origin', zone: '', rack: '' };
/** Announcing costs no more than a call, and a store that lost its records has the origin back so soon. */
const AGAIN_MS = 15_000;
/** After a failure; in this process that is a mistake of ours, which does not mend in a hurry. */
const RETRY_MS = 30_000;

export interface OriginAnnouncerOptions {
  readonly tracker: Tracker;
  /** v2 info-hash, 32 bytes. */
  readonly infoHashV2: Buffer;
  /** 20 bytes. */
  readonly peerId: Buffer;
  /** Where peers dial this process, an IP literal and a port. */
  readonly address: HostPort;
}

/** The origin's seeder in the tracker of its own process: registered as origin, without HTTP. */
export class OriginAnnouncer implements Announcer {
  constructor(private readonly options: OriginAnnouncerOptions) {}

  async announce({ event, left }: AnnounceRequest): Promise<AnnounceAnswer> {
    const { tracker, infoHashV2, peerId, address } = this.options;
    const told = await tracker.announce(
      {
        infoHash: infoHashV2.subarray(0, 20),
        peerId,
        port: address.port,
        left,
        event,
        // An origin dials nobody.
        numWant: 0,
        remoteAddress: address.host,
        advertise: formatIpPort(address),
      },
      SELF,
    );
    return {
      intervalMs: Math.min(told.interval * 1000, AGAIN_MS),
      minIntervalMs: Math.min((told.minInterval ?? 0) * 1000, AGAIN_MS),
      peers: [],
      complete: told.complete ?? 0,
      incomplete: told.incomplete ?? 0,
    };
  }

  retryAfterMs(): number {
    return RETRY_MS;
  }
}
