import { FleetseedError, toFleetseedError } from '#lib/contracts';
import { silentLogger, type Logger } from '#lib/runtime';
import {
  UDP_ACTION,
  UDP_ANNOUNCE_BYTES,
  UDP_CONNECT_BYTES,
  decodeUdpRequest,
  encodeUdpAnswer,
  isUdpConnect,
  normalizeIp,
  type AddressFamily,
  type UdpAnnounce,
  type UdpAnswer,
  type UdpRequest,
  type UdpScrape,
  type UdpScrapeEntry,
} from '#lib/wire';

import { parseTrackerPath } from '../access/tracker-path.js';
import type { AnnounceRequest } from '../announce-request.js';
import { failureOf } from '../http/tracker-failure.js';
import { readWord, writeWord } from '../store/packed/peer-key.js';
import type { Tracker } from '../tracker.js';
import type { ConnectionIds } from './connection-ids.js';
import { RemoteWords, type UdpRemote } from './udp-remote.js';

/** What is asked by somebody whose address is proven. */
type ProvenRequest = UdpAnnounce | UdpScrape;

export interface TrackerUdpOptions {
  readonly tracker: Tracker;
  readonly ids: ConnectionIds;
  readonly logger?: Logger;
  /** Announces and scrapes under way at a time; what comes beyond that is dropped. */
  readonly maxPending?: number;
  /** Why everybody is to come back later; null, the default, while they are answered. */
  readonly away?: () => string | null;
}

/** The longest request (a scrape of 74, or an announce with a long URL) is below an MTU. */
const MAX_REQUEST_BYTES = 2048;
const MAX_PENDING = 4096;
/** Peers that fit a datagram which is not cut up: 1472 bytes over IPv4, 1232 over any IPv6. */
const MOST_PEERS: Readonly<Record<AddressFamily, number>> = { 4: 242, 6: 67 };
/** Room for any answer of {@link TrackerUdp.handleInto}. */
export const MAX_ANSWER_BYTES = 1536;
/** What {@link TrackerUdp.handleInto} says of requests for which the tracker has to be asked. */
export const LATER = -1;
const ANNOUNCE_HEAD = 20;
/** Together with its head no longer than the shortest request that has an id (36 bytes). */
const BAD_ID = 'Bad or old connection id.';

/**
 * The tracker over UDP (BEP 15), the caller's key in the URL data of BEP 41
 * (`udp://HOST:PORT/announce/<key>/announce`). Has no socket: a datagram comes in, one goes out or none.
 *
 * - What is no request, or more than can be under way, is met with silence.
 * - Until an address is proven by a connection id, no answer is longer than what it answers: nobody
 *   can have a multiple of what he sends thrown at somebody else.
 * - Everything else is answered, refusals by an error that says why. Only IPv4 peers can be told over
 *   IPv4, only IPv6 peers over IPv6.
 * - A scrape has no room for a key, so a closed tracker refuses it.
 */
export class TrackerUdp {
  readonly #tracker: Tracker;
  readonly #ids: ConnectionIds;
  readonly #logger: Logger;
  readonly #maxPending: number;
  readonly #away: () => string | null;
  readonly #remote = new RemoteWords();
  readonly #answer = new Uint8Array(MAX_ANSWER_BYTES);
  #pending = 0;

  constructor(options: TrackerUdpOptions) {
    const { tracker, ids, logger = silentLogger, maxPending, away = () => null } = options;
    this.#tracker = tracker;
    this.#ids = ids;
    this.#logger = logger;
    this.#maxPending = maxPending ?? MAX_PENDING;
    this.#away = away;
  }

  /** The answer, null for none; a promise (which never rejects) only where the tracker is asked. */
  handle(datagram: Buffer, remote: UdpRemote): Buffer | null | Promise<Buffer | null> {
    this.#remote.set(remote);
    const length = this.handleInto(datagram, 0, datagram.length, this.#remote, this.#answer, 0);
    if (length === LATER) return this.handleLater(datagram, remote);
    return length === 0 ? null : Buffer.from(this.#answer.subarray(0, length));
  }

  /**
   * Answers at once, where nobody has to be asked: connects, bad ids, and what {@link QuickAnnounces} takes.
   * @param bytes the datagram is `length` of them from `at`.
   * @param out room for {@link MAX_ANSWER_BYTES} from `outAt`.
   * @returns the length of the answer; 0 for none; LATER when {@link handleLater} has to be asked
   */
  handleInto(
    bytes: Uint8Array,
    at: number,
    length: number,
    remote: RemoteWords,
    out: Uint8Array,
    outAt: number,
  ): number {
    // Nobody can be answered at port 0.
    if (length > MAX_REQUEST_BYTES || length < UDP_CONNECT_BYTES || remote.port === 0) return 0;
    const action = readWord(bytes, at + 8);
    if (action === UDP_ACTION.connect) return this.#connect(bytes, at, remote, out, outAt);
    if (action !== UDP_ACTION.announce && action !== UDP_ACTION.scrape) return 0;
    if (!this.#ids.isValidAt(bytes, at, remote)) {
      // What is no request at all is met with silence all the same.
      return action === UDP_ACTION.announce && length < UDP_ANNOUNCE_BYTES ? 0 : LATER;
    }
    const { quick } = this.#tracker;
    if (action !== UDP_ACTION.announce || length < UDP_ANNOUNCE_BYTES || quick === null)
      return LATER;
    if (this.#away() !== null || !quick.takes(bytes, at, length)) return LATER;
    const most = MOST_PEERS[remote.isV4 ? 4 : 6];
    const end = quick.answer(bytes, at, remote, most, out, outAt + ANNOUNCE_HEAD);
    const { complete, origins, downloading, paused } = quick.counts;
    writeWord(out, outAt, UDP_ACTION.announce);
    copyTransaction(bytes, at, out, outAt);
    writeWord(out, outAt + 8, quick.interval);
    writeWord(out, outAt + 12, downloading + paused);
    writeWord(out, outAt + 16, complete + origins);
    return end - outAt;
  }

  /** The answer to what {@link handleInto} did not take. */
  handleLater(datagram: Buffer, remote: UdpRemote): Buffer | null | Promise<Buffer | null> {
    const request = decodeUdpRequest(datagram);
    if (!request || request.action === 'connect') return null;
    if (!this.#ids.isValid(request.connectionId, remote)) return encode(errorOf(request, BAD_ID));
    const away = this.#away();
    if (away !== null) return encode(errorOf(request, away));
    if (this.#pending >= this.#maxPending) return null;
    return this.#ask(request, datagram, remote);
  }

  #connect(bytes: Uint8Array, at: number, remote: RemoteWords, out: Uint8Array, outAt: number) {
    if (!isUdpConnect(bytes, at)) return 0;
    writeWord(out, outAt, UDP_ACTION.connect);
    copyTransaction(bytes, at, out, outAt);
    this.#ids.issueInto(remote, out, outAt + 8);
    return UDP_CONNECT_BYTES;
  }

  async #ask(request: ProvenRequest, datagram: Buffer, remote: UdpRemote): Promise<Buffer> {
    this.#pending++;
    try {
      return request.action === 'announce'
        ? await this.#announce(request, datagram, remote)
        : encode(await this.#scrape(request));
    } catch (thrown) {
      const error = toFleetseedError(thrown);
      if (error.status === 500) this.#logger.error('announce failed', { error });
      return encode(errorOf(request, failureOf(error).reason));
    } finally {
      this.#pending--;
    }
  }

  async #announce(request: UdpAnnounce, datagram: Buffer, remote: UdpRemote): Promise<Buffer> {
    const { address } = remote;
    const family = familyOf(address);
    const admission = await this.#tracker.admit(keyOf(request.urlData), request.infoHash);
    // What it waited for is at hand now, most likely: for many at once, which come due in the same moment.
    this.#remote.set(remote);
    const { length } = datagram;
    const bytes = this.handleInto(datagram, 0, length, this.#remote, this.#answer, 0);
    if (bytes > 0) return Buffer.from(this.#answer.subarray(0, bytes));
    const told = await this.#tracker.announceAdmitted(
      announceOf(request, address, MOST_PEERS[family]),
      admission,
    );
    const { interval, incomplete = 0, complete = 0 } = told;
    const peers = told.peers.slice(0, MOST_PEERS[family]);
    const { action, transactionId } = request;
    return encode({ action, transactionId, interval, incomplete, complete, peers }, family);
  }

  async #scrape({ action, transactionId, infoHashes }: UdpScrape): Promise<UdpAnswer> {
    if (this.#tracker.access === 'closed') {
      throw new FleetseedError(
        'TRACKER_KEY_INVALID',
        'A scrape over UDP cannot carry a key, and this tracker wants one: scrape over HTTP.',
      );
    }
    const swarms: UdpScrapeEntry[] = [];
    for (const infoHash of infoHashes) swarms.push(await this.#scrapeOne(infoHash));
    return { action, transactionId, swarms };
  }

  /** Zeros for a torrent that is not known: the answer has a place for each that was asked for. */
  async #scrapeOne(infoHash: Buffer): Promise<UdpScrapeEntry> {
    try {
      return await this.#tracker.scrape(infoHash, await this.#tracker.admit(null, infoHash));
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'INFO_HASH_UNKNOWN') {
        return { complete: 0, downloaded: 0, incomplete: 0 };
      }
      throw error;
    }
  }
}

/**
 * The key in the URL data, null when there is none: also for no path at all, as in `udp://HOST:PORT`.
 * @throws FleetseedError TRACKER_KEY_INVALID, NOT_FOUND
 */
function keyOf(urlData: string): string | null {
  const path = urlData.split('?', 1)[0]!;
  if (path === '' || path === '/') return null;
  const route = parseTrackerPath(path);
  if (route?.action === 'announce') return route.key;
  throw new FleetseedError('NOT_FOUND', 'This tracker has no such path to announce to.');
}

function copyTransaction(bytes: Uint8Array, at: number, out: Uint8Array, outAt: number): void {
  for (let byte = 0; byte < 4; byte++) out[outAt + 4 + byte] = bytes[at + 12 + byte]!;
}

function announceOf(request: UdpAnnounce, remoteAddress: string, most: number): AnnounceRequest {
  const { infoHash, peerId, port, left, event, numWant } = request;
  return {
    infoHash,
    // The record is kept for minutes and must not keep the datagram.
    peerId: Buffer.from(peerId),
    port,
    left,
    event,
    numWant: numWant === null ? null : Math.min(numWant, most),
    remoteAddress,
  };
}

/** Of the client's own socket: IPv4 also where it arrives at one of ours that takes both. */
function familyOf(address: string): AddressFamily {
  return normalizeIp(address)?.includes(':') === true ? 6 : 4;
}

function errorOf({ transactionId }: UdpRequest, message: string): UdpAnswer {
  return { action: 'error', transactionId, message };
}

function encode(answer: UdpAnswer, family: AddressFamily = 4): Buffer {
  return encodeUdpAnswer(answer, family);
}
