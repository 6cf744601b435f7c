import { FleetseedError } from '#lib/contracts';
import { formatIpPort } from '#lib/wire';

import type { PeerAddress } from '../announce/announcer.js';
import type { PeerConnection } from '../peer/peer-connection.js';
import { ofNoUse, peerRefused } from '../peer/peer-errors.js';
import { DialPolicy } from '../policy/dial.policy.js';
import { leastUseful } from './least-useful.js';
import type { Neighbour } from './neighbour.js';
import type { TorrentContext } from './torrent.types.js';

/** An address that turned out to be a peer we have already is left alone for so long, milliseconds. */
const DUPLICATE_MS = 60_000;
/** Who was parted from because it was of no use is left alone for so long, milliseconds. */
const USELESS_MS = 60_000;
/** While nothing comes, so often another neighbour is tried, milliseconds. */
const ROTATION_MS = 2000;
/** Hosts that are remembered as announced. */
const MOST_ANNOUNCED = 10_000;

/** The connections of one torrent: who may join, whom to dial, and who need not stay. */
export class Neighbourhood {
  readonly all = new Set<Neighbour>();
  readonly #addresses = new Map<PeerConnection, PeerAddress>();
  readonly #announced = new Set<string>();
  readonly #dials: DialPolicy<PeerAddress>;
  #rotatedAt = -Infinity;

  constructor(
    private readonly context: TorrentContext,
    private readonly most: number,
  ) {
    const { random } = context;
    const kind = {
      keyOf: formatIpPort,
      isPreferred: ({ flags }: PeerAddress) => flags?.origin ?? false,
    };
    this.#dials = new DialPolicy(kind, { random });
  }

  get knownAddresses(): number {
    return this.#dials.knownCount;
  }

  /**
   * Whether a connection that is known by now may join.
   * @throws FleetseedError PEER_REFUSED
   */
  admit(connection: PeerConnection): void {
    const rival = this.#sameMachine(connection);
    if (rival && !this.#isBetter(connection, rival.connection)) {
      throw peerRefused('we are connected already', { duplicate: true });
    }
    // Without reason: it is no fault of the peer's.
    rival?.connection.close();
    if (this.all.size - (rival ? 1 : 0) < this.most) return;
    const useless = leastUseful(this.all, this.context.clock.monotonic());
    if (useless === null) throw peerRefused('there is no place left');
    const reason = ofNoUse('its place is needed');
    useless.connection.close(reason);
    // It counts no more, although the connection is not over yet.
    this.left(useless, reason);
  }

  /** Nothing comes from anybody although something is lacking: others that are known are tried instead. */
  rotate(now: number): void {
    if (now - this.#rotatedAt < ROTATION_MS || !this.#dials.hasReady(now)) return;
    this.#rotatedAt = now;
    leastUseful(this.all, now)?.connection.close(ofNoUse('nothing comes from it'));
  }

  joined(neighbour: Neighbour): void {
    this.all.add(neighbour);
    const { connection, host } = neighbour;
    const port = connection.listenPort;
    if (port === undefined) return;
    const address = { host, port };
    this.#addresses.set(connection, address);
    // Known by its address, it is not dialled as well.
    const now = this.context.clock.monotonic();
    this.#dials.found([address], now);
    this.#dials.connected(address, now);
  }

  left(neighbour: Neighbour, reason: FleetseedError | null): void {
    if (!this.all.delete(neighbour)) return;
    const address = this.#addresses.get(neighbour.connection);
    this.#addresses.delete(neighbour.connection);
    const twin = [...this.all].some((other) => isSamePeer(other.connection, neighbour.connection));
    if (address && !twin) this.#ended(address, reason);
  }

  /** Addresses that a tracker told of. */
  announced(addresses: readonly PeerAddress[]): void {
    for (const { host } of addresses) {
      this.#announced.delete(host);
      this.#announced.add(host);
      if (this.#announced.size <= MOST_ANNOUNCED) continue;
      for (const oldest of this.#announced) {
        this.#announced.delete(oldest);
        break;
      }
    }
  }

  /** Whether a tracker told of a peer on this host lately. */
  isAnnounced(host: string): boolean {
    return this.#announced.has(host);
  }

  found(addresses: readonly PeerAddress[]): void {
    this.#dials.found(addresses, this.context.clock.monotonic());
  }

  /** A dial ended before the peer was known. */
  dialFailed(address: PeerAddress, reason: FleetseedError | null): void {
    this.#ended(address, reason);
  }

  /** Dials as many as are wanted and as the session has places for. */
  dial(now: number): void {
    for (;;) {
      const address = this.#dials.next(this.all.size, now);
      if (address === null) return;
      const subject = { host: address.host, peer: formatIpPort(address) };
      const refused = this.context.isBanned(subject) || !this.context.dial(address);
      if (refused) this.#dials.ended(address, now);
      if (refused) return;
    }
  }

  tick(now: number): void {
    for (const { connection } of this.all) connection.tick(now);
  }

  closeAll(reason: FleetseedError | null = null): void {
    for (const { connection } of this.all) connection.close(reason);
  }

  #ended(address: PeerAddress, reason: FleetseedError | null): void {
    const now = this.context.clock.monotonic();
    const facts = reason?.facts ?? {};
    const pauseMs = facts['self'] ? Infinity : facts['useless'] ? USELESS_MS : 0;
    this.#dials.ended(address, now, facts['duplicate'] ? DUPLICATE_MS : pauseMs);
  }

  #sameMachine(connection: PeerConnection): Neighbour | null {
    for (const other of this.all) if (isSamePeer(other.connection, connection)) return other;
    return null;
  }

  /** Both ends keep, of two connections, the one that the end with the lower peer id dialled. */
  #isBetter(connection: PeerConnection, rival: PeerConnection): boolean {
    if (rival.isClosed) return true;
    if (connection.initiated === rival.initiated) return false;
    const weAreLower = this.context.peerId.compare(connection.peerId!) < 0;
    return connection.initiated === weAreLower;
  }
}

function isSamePeer(left: PeerConnection, right: PeerConnection): boolean {
  return left.peerId !== null && right.peerId !== null && left.peerId.equals(right.peerId);
}
