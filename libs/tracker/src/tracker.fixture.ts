import { timingSafeEqual } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';
import { VirtualClock, seededRandom } from '#lib/runtime';

import type {
  FoundSwarm,
  SwarmRegistry,
  TrackerAccess,
  TrackerCaller,
} from './access/tracker-access.js';
import type { AnnounceRequest } from './announce-request.js';
import { MemoryPeerStore } from './store/memory.peer-store.js';
import { Tracker, type TrackerOptions } from './tracker.js';

/** A hybrid artifact: two hashes, one swarm. */
export const V1 = Buffer.alloc(20, 0x11);
export const V2 = Buffer.alloc(20, 0x22);
export const SWARM = V2.toString('hex');
/** A v2-only artifact. */
export const OTHER = Buffer.alloc(20, 0x33);
export const UNKNOWN = Buffer.alloc(20, 0x99);

export const MEMBER_KEY = 'member-key';
export const STRANGER_KEY = 'stranger-key';

const CALLERS: ReadonlyMap<string, TrackerCaller> = new Map([
  [MEMBER_KEY, { id: 'web-1', kind: 'member', zone: 'a', rack: 'a1' }],
  [STRANGER_KEY, { id: 'token-1', kind: 'stranger', zone: '', rack: '' }],
]);

/** A registry of the artifacts above. */
export class KnownSwarms implements SwarmRegistry {
  lookups = 0;

  lookup(infoHash: Buffer): Promise<FoundSwarm | null> {
    this.lookups++;
    if (infoHash.equals(V1)) return Promise.resolve({ swarm: SWARM, hash: 'v1' });
    if (infoHash.equals(V2)) return Promise.resolve({ swarm: SWARM, hash: 'v2' });
    return Promise.resolve(
      infoHash.equals(OTHER) ? { swarm: OTHER.toString('hex'), hash: 'v2' } : null,
    );
  }
}

/** Stranger keys are bound to the first artifact, as those of `torrent get` are. */
export function authorizeKnown(key: string, swarm: string): Promise<TrackerCaller> {
  for (const [known, caller] of CALLERS) {
    const same =
      key.length === known.length && timingSafeEqual(Buffer.from(key), Buffer.from(known));
    if (same && (caller.kind === 'member' || swarm === SWARM)) return Promise.resolve(caller);
  }
  return Promise.reject(
    new FleetseedError('TRACKER_KEY_INVALID', 'The tracker key is not valid for this torrent.'),
  );
}

export function memberOf(id: string, zone = ''): TrackerCaller {
  return { id, kind: 'member', zone, rack: '' };
}

export const ORIGIN: TrackerCaller = { id: 'origin', kind: 'origin', zone: '', rack: '' };

export function trackerOf(access: TrackerAccess, change: Partial<TrackerOptions> = {}) {
  const clock = new VirtualClock(1_000_000);
  const random = seededRandom(1);
  const registry = new KnownSwarms();
  const tracker = new Tracker({
    access,
    registry,
    authorize: authorizeKnown,
    store: new MemoryPeerStore({ clock, random }),
    clock,
    random,
    ...change,
  });
  return { tracker, clock, registry };
}

let ids = 0;

/** An announce of a downloader at an address, with a peer id of its own. */
export function requestFrom(
  remoteAddress: string,
  change: Partial<AnnounceRequest> = {},
): AnnounceRequest {
  return {
    infoHash: V2,
    peerId: Buffer.from(`-FL0100-${String(ids++).padStart(12, '0')}`),
    port: 6881,
    left: 100,
    event: 'none',
    numWant: null,
    remoteAddress,
    ...change,
  };
}
