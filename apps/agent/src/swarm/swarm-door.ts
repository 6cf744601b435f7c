import { FleetseedError, type HttpClient, type SwarmTicket } from '#lib/contracts';
import {
  retry,
  Unrecoverable,
  untilAborted,
  type Clock,
  type Logger,
  type Random,
} from '#lib/runtime';
import {
  TrackerAnnouncer,
  TicketAnnouncer,
  WebSeedClient,
  type PeerAddress,
  type Session,
  type SwarmAccess,
} from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import type { TicketDesk } from '../origin-link/ticket-desk.js';

export interface SwarmDoorOptions {
  readonly session: Session;
  readonly desk: TicketDesk;
  readonly client: HttpClient;
  readonly target: string;
  /** The machine's label `zone`. */
  readonly zone: string | undefined;
  /** HOST:PORT under which peers reach us, when it is not where we listen. */
  readonly advertise: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const RETRY = { startMs: 500, limitMs: 15_000 };

/** Turns the origin's tickets into a way into the swarm. */
export class SwarmDoor {
  constructor(private readonly options: SwarmDoorOptions) {}

  accessFor(metainfo: Metainfo, ticket: SwarmTicket): SwarmAccess {
    const { clock, random, client, desk, target, zone } = this.options;
    const announcer = new TicketAnnouncer({
      ticket: () => desk.ticketFor(ticket.artifact),
      announcerFor: (fresh) => this.#announcerFor(metainfo, fresh),
      clock,
      random,
    });
    announcer.use(ticket);
    const webSeeds = ticket.webSeed === null ? [] : [ticket.webSeed];
    return {
      announcer,
      target,
      ...(zone === undefined ? {} : { zone }),
      swarmSecret: Buffer.from(ticket.swarmSecret, 'base64url'),
      peerAccess: ticket.peerAccess ?? 'members',
      peers: ticket.origins.flatMap(parsePeer),
      webSeeds: webSeeds.map(
        (url) =>
          new WebSeedClient({
            url,
            layout: metainfo,
            connections: client.connections,
            clock,
            random,
          }),
      ),
    };
  }

  /** @throws ARTIFACT_NOT_FOUND, ORIGIN_UNREACHABLE, or the signal's reason */
  ticketFor(artifact: string, signal: AbortSignal): Promise<SwarmTicket> {
    return untilAborted(this.options.desk.ticketFor(artifact), signal);
  }

  /** A ticket now, or when the origin is back; only an artifact that is gone for good ends the wait. */
  async ticketWhenever(artifact: string, signal: AbortSignal): Promise<SwarmTicket> {
    const { random, logger } = this.options;
    const ask = async () => {
      try {
        return await this.ticketFor(artifact, signal);
      } catch (error) {
        const gone = error instanceof FleetseedError && error.code === 'ARTIFACT_NOT_FOUND';
        throw gone ? new Unrecoverable(error) : error;
      }
    };
    const onRetry = (error: unknown) => logger.debug('waiting for a ticket', { artifact, error });
    return retry(ask, { ...RETRY, random, attempts: Infinity, signal, onRetry });
  }

  #announcerFor(metainfo: Metainfo, ticket: SwarmTicket): TrackerAnnouncer {
    const { session, client, advertise, clock, random } = this.options;
    return new TrackerAnnouncer({
      tiers: ticket.announce,
      // Our tracker knows an artifact as one swarm: the v2 view names it.
      infoHashes: [{ view: 'v2', hash: metainfo.infoHashV2!.subarray(0, 20) }],
      peerId: session.peerId,
      port: session.port,
      ...(advertise === undefined ? {} : { advertise }),
      connections: client.connections,
      clock,
      random,
    });
  }
}

function parsePeer(text: string): PeerAddress[] {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(at + 1));
  return at > 0 && port > 0 && port <= 65_535 ? [{ host, port, hash: 'v2' }] : [];
}
