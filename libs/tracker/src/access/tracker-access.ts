import { FleetseedError } from '#lib/contracts';
import type { InfoHashKind } from '#lib/torrent';

import type { PeerKind, SwarmId } from '../store/peer-store.js';

/**
 * Who may announce (FLEETSEED_TRACKER_ACCESS): `closed` known info-hashes to callers with a key,
 * `known` known info-hashes to anybody, `open` anything to anybody (a public tracker).
 */
export type TrackerAccess = 'closed' | 'known' | 'open';

/** Who announces, as far as the key told. */
export interface TrackerCaller {
  /** Target or token; never empty for a caller with a key, `''` for one without. */
  readonly id: string;
  /** Members and origins are believed the address they give; strangers get their socket's. */
  readonly kind: PeerKind;
  /** Labels of the target, `''` when it has none. */
  readonly zone: string;
  readonly rack: string;
}

export const ANYBODY: TrackerCaller = { id: '', kind: 'stranger', zone: '', rack: '' };

/** A swarm, found by one of its info-hashes. */
export interface FoundSwarm {
  readonly swarm: SwarmId;
  /** Which of the artifact's hashes it was found by. */
  readonly hash: InfoHashKind;
}

/** Which artifacts this tracker knows. */
export interface SwarmRegistry {
  /** @param infoHash 20 bytes: v1, v2 truncated, or that of the v1 edition. Null when no artifact has it. */
  lookup(infoHash: Buffer): FoundSwarm | null | Promise<FoundSwarm | null>;
}

/**
 * Says who a key belongs to. Compares in constant time and keeps keys out of logs.
 * Throws FleetseedError TRACKER_KEY_INVALID (or TOKEN_EXPIRED, FORBIDDEN) when the key is not good for
 * this swarm.
 */
export type AuthorizeKey = (key: string, swarm: SwarmId) => Promise<TrackerCaller>;

/** A key whose signature was found good; it may be kept. */
export interface RecognizedKey {
  /**
   * Who it belongs to, at this moment and in this swarm; null when that cannot be told without waiting.
   * Throws as {@link AuthorizeKey} rejects.
   */
  callerNow(swarm: SwarmId): TrackerCaller | null;
}

/** Reads a key without waiting. Throws FleetseedError TRACKER_KEY_INVALID for one that is not ours. */
export type RecognizeKey = (key: string) => RecognizedKey;

export interface Admission {
  readonly found: FoundSwarm;
  readonly caller: TrackerCaller;
}

/** The door of the tracker: resolves info-hashes and decides who is let in. */
export class TrackerGate {
  constructor(
    readonly access: TrackerAccess,
    private readonly registry: SwarmRegistry,
    private readonly authorize: AuthorizeKey,
  ) {}

  /**
   * @throws FleetseedError INFO_HASH_UNKNOWN when no artifact has this hash; an open tracker makes a
   * swarm of any hash.
   */
  async resolve(infoHash: Buffer): Promise<FoundSwarm> {
    const found = await this.registry.lookup(infoHash);
    if (found) return found;
    if (this.access === 'open') return { swarm: infoHash.toString('hex'), hash: 'v1' };
    throw new FleetseedError('INFO_HASH_UNKNOWN', 'This tracker does not know this torrent.', {
      infoHash: infoHash.toString('hex'),
    });
  }

  /**
   * A key that is given has to be good, whatever the mode: who has a wrong key is told so, and not
   * served as somebody else.
   * @throws FleetseedError TRACKER_KEY_INVALID, INFO_HASH_UNKNOWN, and what `authorize` throws
   */
  async admit(key: string | null, infoHash: Buffer): Promise<Admission> {
    // Without a key a closed tracker does not even tell which hashes it knows.
    if (key === null && this.access === 'closed') {
      throw new FleetseedError(
        'TRACKER_KEY_INVALID',
        'This tracker wants a key: use a .torrent made by `fleetseed torrent get`.',
      );
    }
    const found = await this.resolve(infoHash);
    return { found, caller: key === null ? ANYBODY : await this.authorize(key, found.swarm) };
  }
}
