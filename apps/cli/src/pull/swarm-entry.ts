import { FleetseedError, type SwarmTicket } from '#lib/contracts';
import { systemClock, systemRandom } from '#lib/runtime';
import {
  TrackerAnnouncer,
  TicketAnnouncer,
  WebSeedClient,
  type Session,
  type SwarmAccess,
} from '#lib/swarm';
import { parseMetainfo, type Metainfo } from '#lib/torrent';

import { splitHostPort } from '../connection/host-port.js';
import type { OriginApi } from '../connection/origin-api.js';
import { askTicket } from './prefetch.js';

/** The metainfo of an artifact, held to the hash that was asked for. */
export function checkedMetainfo(bytes: Uint8Array, artifact: string): Metainfo {
  const metainfo = parseMetainfo(bytes);
  if (metainfo.infoHashV2?.toString('hex') === artifact) return metainfo;
  throw new FleetseedError(
    'HASH_MISMATCH',
    'The origin answered with the metainfo of something else.',
  );
}

export interface EntryOptions {
  readonly api: OriginApi;
  readonly session: Session;
  readonly metainfo: Metainfo;
  /** HOST:PORT under which peers reach us, when that is not where our connections come from. */
  readonly advertise: string | undefined;
  readonly signal: AbortSignal;
  /** The first ticket, when it was asked for already. */
  readonly ticket?: SwarmTicket | null;
}

/** Gets what is needed to take part in the swarm; keys in it are renewed when they end. */
export async function enterSwarm(options: EntryOptions): Promise<SwarmAccess> {
  const { metainfo, session, advertise, api } = options;
  const { connections } = api.client;
  const doors = { clock: systemClock, random: systemRandom, connections };
  const artifact = metainfo.infoHashV2!.toString('hex');
  const ask = (signal: AbortSignal | undefined) => askTicket(api, artifact, advertise, signal);
  const first = options.ticket ?? (await ask(options.signal));
  const announcer = new TicketAnnouncer({
    clock: systemClock,
    random: systemRandom,
    ticket: ask,
    announcerFor: (ticket) =>
      new TrackerAnnouncer({
        ...doors,
        tiers: ticket.announce,
        // To our own tracker a hybrid artifact is one swarm: the v2 view is enough, which trackers
        // know by the first 20 bytes of its hash (BEP 52).
        infoHashes: [{ view: 'v2', hash: metainfo.infoHashV2!.subarray(0, 20) }],
        peerId: session.peerId,
        port: session.port,
        ...(advertise === undefined ? {} : { advertise }),
      }),
  });
  announcer.use(first);
  const { webSeed } = first;
  return {
    announcer,
    swarmSecret: Buffer.from(first.swarmSecret, 'base64url'),
    peerAccess: first.peerAccess ?? 'members',
    peers: first.origins.map((origin) => ({
      ...splitHostPort(origin, 'the origin'),
      hash: 'v2' as const,
    })),
    webSeeds:
      webSeed === null ? [] : [new WebSeedClient({ ...doors, url: webSeed, layout: metainfo })],
  };
}
