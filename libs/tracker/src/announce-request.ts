import { FleetseedError } from '#lib/contracts';
import {
  normalizeIp,
  parseIpPort,
  type AnnounceEvent,
  type AnnounceQuery,
  type HostPort,
} from '#lib/wire';

import type { FoundSwarm, TrackerCaller } from './access/tracker-access.js';
import type { PeerRecord, PeerState } from './store/peer-store.js';

/** One announce as the tracker takes it, from whatever front end. */
export interface AnnounceRequest {
  /** 20 bytes: v1, or v2 truncated. */
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  readonly port: number;
  /** Null when the client does not know. */
  readonly left: number | null;
  readonly event: AnnounceEvent;
  readonly numWant: number | null;
  /** Address of the socket that the announce came through, proxies taken into account. */
  readonly remoteAddress: string;
  /** Addresses the client claims (`ip=`, `fs_addr=`); believed from members and origins only. */
  readonly ip?: string;
  readonly advertise?: string;
}

/** An HTTP announce as a request of the tracker. */
export function requestOfQuery(query: AnnounceQuery, remoteAddress: string): AnnounceRequest {
  const { infoHash, peerId, port, left, event, numWant, ip, advertise } = query;
  return {
    infoHash,
    peerId,
    port,
    left,
    event,
    numWant,
    remoteAddress,
    ...(ip === undefined ? {} : { ip }),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

const MAX_LABEL = 64;

/**
 * The record that an announce makes.
 * @throws FleetseedError REQUEST_INVALID naming an address that cannot be used
 */
export function recordOf(
  request: AnnounceRequest,
  found: FoundSwarm,
  caller: TrackerCaller,
  expiresAt: number,
): PeerRecord {
  const { host, port } = addressOf(request, caller);
  return {
    host,
    port,
    peerId: request.peerId,
    kind: caller.kind,
    state: stateOf(request),
    caller: caller.id,
    zone: caller.zone.slice(0, MAX_LABEL),
    rack: caller.rack.slice(0, MAX_LABEL),
    v1: found.hash === 'v1',
    v2: found.hash === 'v2',
    expiresAt,
  };
}

export function stateOf({ left, event }: AnnounceRequest): PeerState {
  if (left === 0) return 'complete';
  return event === 'paused' ? 'paused' : 'downloading';
}

/**
 * Where the peer can be dialled. Compact answers carry addresses, not names, and a tracker that
 * resolved names would let its callers aim it: who advertises a name resolves it before announcing.
 */
function addressOf(request: AnnounceRequest, caller: TrackerCaller): HostPort {
  const believed = caller.kind !== 'stranger';
  if (believed && request.advertise !== undefined) {
    return advertised(request.advertise);
  }
  const claimed = believed && request.ip !== undefined;
  const host = normalizeIp(claimed ? request.ip : request.remoteAddress);
  if (host === null || (claimed && isUnusable(host))) {
    throw refused(claimed ? 'ip is not an IP address that can be dialled.' : 'No usable address.');
  }
  return { host, port: request.port };
}

function advertised(text: string): HostPort {
  const address = parseIpPort(text);
  if (address === null || isUnusable(address.host)) {
    throw refused('fs_addr is not IP:PORT; host names are resolved before announcing.');
  }
  return address;
}

/** Unspecified and multicast addresses lead to no one peer. */
function isUnusable(host: string): boolean {
  if (host.includes(':')) return host === '::' || host.startsWith('ff');
  const first = Number(host.split('.', 1)[0]);
  return first === 0 || first >= 224;
}

function refused(message: string): FleetseedError {
  return new FleetseedError('REQUEST_INVALID', message);
}
