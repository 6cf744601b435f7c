import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { FleetseedError } from '#lib/contracts';
import { deadline, untilAborted, type Clock } from '#lib/runtime';
import type {
  AnnounceAnswer as WireAnswer,
  TrackerFailure,
  UdpAnnounce,
  UdpAnswer,
} from '#lib/wire';

import type { AnnounceRequest } from './announcer.js';
import type { AnnounceIdentity, TrackerClient } from './tracker-client.js';
import type { Tracker } from './tracker-tiers.js';
import { UdpLine } from './udp-line.js';

export interface UdpTrackerOptions extends AnnounceIdentity {
  /** For one exchange, milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The tracker answers nothing else than what BEP 15 has room for. */
type Told = Omit<UdpAnnounce, 'action' | 'connectionId' | 'transactionId'>;

/**
 * Announces over UDP (BEP 15), with path and query of the URL as URL data (BEP 41). A name that has
 * several addresses is tried address by address. There is no word in it for `--advertise`, `tracker
 * id` or what a member is told beyond addresses: members announce over HTTP.
 */
export class UdpTrackerClient implements TrackerClient {
  readonly #lines = new Map<string, UdpLine>();
  /** By which a tracker may know us again; BEP 15 has 32 bits for it. */
  readonly #key = randomBytes(4).readUInt32BE(0);

  constructor(private readonly options: UdpTrackerOptions) {}

  async ask(
    tracker: Tracker,
    infoHash: Buffer,
    what: AnnounceRequest,
    signal?: AbortSignal,
  ): Promise<WireAnswer | TrackerFailure> {
    const bounded = deadline(this.options.timeoutMs, signal);
    const { host, port, urlData } = partsOf(tracker.url);
    const told = this.#told(infoHash, what, urlData);
    let failure: unknown;
    for (const address of await addressesOf(host, bounded)) {
      try {
        return answerOf(await this.#announce(address, port, told, bounded));
      } catch (error) {
        // A refusal is an answer, and an abort ends it: only silence leads on to the next address.
        if (error instanceof FleetseedError || bounded.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** A connection id that the tracker has forgotten is no refusal: it is asked for a new one, once. */
  async #announce(
    address: string,
    port: number,
    told: Told,
    signal: AbortSignal,
  ): Promise<UdpAnswer> {
    const line = this.#lineTo(address, port);
    const known = line.isConnected;
    const answer = await line.announce(told, signal);
    if (answer.action !== 'error' || !known) return answer;
    line.forget();
    return line.announce(told, signal);
  }

  #lineTo(address: string, port: number): UdpLine {
    const key = `${address} ${port}`;
    const open = this.#lines.get(key);
    if (open && !open.isClosed) return open;
    const line = new UdpLine(address, port, this.options.clock);
    this.#lines.set(key, line);
    return line;
  }

  #told(infoHash: Buffer, what: AnnounceRequest, urlData: string): Told {
    const { peerId, port } = this.options;
    const { uploaded, downloaded, left, numWant } = what;
    const event = what.paused && what.event === 'none' ? 'paused' : what.event;
    const self = { peerId, port, ip: 0, key: this.#key };
    return { ...self, infoHash, uploaded, downloaded, left, event, numWant, urlData };
  }
}

/** @throws FleetseedError TRACKER_ANSWER_INVALID for a URL that names no port */
function partsOf(text: string): { host: string; port: number; urlData: string } {
  const url = URL.parse(text);
  const port = Number(url?.port ?? '');
  if (!url || url.hostname === '' || port === 0) {
    const facts = { host: url?.host ?? '' };
    throw new FleetseedError('TRACKER_ANSWER_INVALID', 'A UDP tracker needs HOST:PORT.', facts);
  }
  const path = `${url.pathname}${url.search}`;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    urlData: path === '/' ? '' : path,
  };
}

async function addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await untilAborted(lookup(host, { all: true }), signal);
  return found.map(({ address }) => address);
}

function answerOf(answer: UdpAnswer): WireAnswer | TrackerFailure {
  if (answer.action === 'error') return { type: 'failure', reason: answer.message };
  if (answer.action !== 'announce') throw new RangeError(`Not an announce: ${answer.action}`);
  const { interval, complete, incomplete, peers } = answer;
  return { type: 'peers', interval, complete, incomplete, peers };
}
