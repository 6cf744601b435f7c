import type { TrackerCaller } from '../access/tracker-access.js';
import type { CandidateSet } from './candidate-set.js';
import type { PackedSwarms } from './packed/packed-swarms.js';

/** Canonical id of a swarm, 40 hex digits: the v2 info-hash truncated, or v1 when there is no other. */
export type SwarmId = string;

export type PeerKind = 'member' | 'stranger' | 'origin';

/** `paused` is a peer that stays incomplete on purpose (BEP 21). */
export type PeerState = 'downloading' | 'complete' | 'paused';

/** What a tracker knows of one peer in one swarm. */
export interface PeerRecord {
  /** Canonical address literal. */
  readonly host: string;
  /** 0 for a peer that does not listen: it counts, and is never handed out. */
  readonly port: number;
  /** 20 bytes. */
  readonly peerId: Buffer;
  readonly kind: PeerKind;
  readonly state: PeerState;
  /** Target or token that the announce came from; `''` when it came without a key. */
  readonly caller: string;
  /** Where the peer stands, short texts of its labels; `''` when unknown. */
  readonly zone: string;
  readonly rack: string;
  /** Which of the artifact's info-hashes the peer announced; neither is that of the v1 edition. */
  readonly v1: boolean;
  readonly v2: boolean;
  /** Wall-clock time, ms; from then on the record does not exist. */
  readonly expiresAt: number;
}

/** A record as a candidate for being handed out. */
export interface PeerCandidate extends PeerRecord {
  /** How often it was handed out lately: a count that halves every {@link LOAD_HALF_LIFE_MS}. */
  readonly load: number;
}

/** Peers of one swarm. Origins are in none of the other counts. */
export interface SwarmCounts {
  readonly complete: number;
  readonly downloading: number;
  readonly paused: number;
  readonly origins: number;
  /** Completions that were announced since the swarm is known. */
  readonly completions: number;
}

export interface PeerAnnounce {
  readonly swarm: SwarmId;
  readonly peer: PeerRecord;
  /** The peer leaves: its record goes away. */
  readonly stopped: boolean;
  /** How many candidates are wanted besides the origins; 0 for none at all. */
  readonly sample: number;
}

export interface PeerAnnounced {
  /** After this announce. */
  readonly counts: SwarmCounts;
  readonly picked: readonly PeerCandidate[];
  /** False when a limit kept the record out; the answer is good all the same. */
  readonly stored: boolean;
}

/**
 * Chooses from the candidates, into the set itself. Synchronous and pure but for randomness: see the
 * hand-out policy.
 * @param complete peers of the swarm that have everything, origins not counted.
 */
export type PickPeers = (candidates: CandidateSet, complete: number) => void;

export interface PeerStoreStats {
  readonly swarms: number;
  readonly peers: number;
}

/**
 * Where the peer lists are. They can be rebuilt from the next announces, so nothing here is durable.
 *
 * - A peer is known by its address and port within a swarm (by its peer id where the port is 0), so
 *   that a client that starts again takes its own place. Announcing both hashes of a hybrid artifact
 *   makes one record with both marks; every other field is the latest announce's.
 * - A stranger never replaces or removes the live record of a member or an origin, nor does one
 *   without a key that of one with a key.
 * - `announce` is one step: nobody sees a state between storing and picking. Candidates are live
 *   records without the announcing peer's own address, chosen at random, never with port 0: all
 *   origins (at most {@link MAX_ORIGINS}) and at most `sample` others: half of the announcing peer's
 *   zone and half of elsewhere, as far as there are so many, and more of one where the other lacks.
 *   Nobody is handed out to a peer with the same peer id: it is the same client at another address.
 *   Loads are those before the announce; answers of the last moment elsewhere may be lacking.
 * - Times are kept to two seconds, rounded up, and no record is kept for more than an hour.
 * - The completions of a swarm are remembered for a while after its last peer left.
 * - Expired records are never handed out, listed or found. Counts may lag behind where more than a
 *   dozen end at once, as no call stalls to sweep; the next ones go on with it.
 * - Memory is bounded: what a limit refuses is answered with `stored: false`.
 */
export interface PeerStore {
  announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced>;
  /** Stores (or removes) many without picking; returns how many were stored or removed. */
  announceMany(announces: readonly PeerAnnounce[]): Promise<number>;
  /** Zeros for a swarm that is not known. */
  counts(swarm: SwarmId): Promise<SwarmCounts>;
  /** At most `limit` live records, in no order. */
  peers(swarm: SwarmId, limit: number): Promise<PeerRecord[]>;
  /** May be some seconds old. */
  stats(): Promise<PeerStoreStats>;
  /** A text that nobody can guess, and another one when records were lost. */
  readonly epoch: string;
  /** Tells of another epoch, where there can be one in the life of this object. @returns what ends it */
  onNewEpoch?(listener: (epoch: string) => void): () => void;
  /** The same peers for front ends that speak bytes, where the store is in this process. */
  readonly quick?: QuickStore | undefined;
}

/** A store in this process, for announces that are answered at once. */
export interface QuickStore {
  readonly swarms: PackedSwarms;
  /** Whether a downloader of this swarm may be answered at once: else `announce` is called for it. */
  isReady(swarm: SwarmId): boolean;
  /** To be called after a record was stored. @param address its four words, see hostText */
  stored(swarm: SwarmId, caller: TrackerCaller, address: Uint32Array, expiresAt: number): void;
}

/** Origins of one swarm among the candidates. */
export const MAX_ORIGINS = 16;

export const LOAD_HALF_LIFE_MS = 30_000;

export const NO_PEERS: SwarmCounts = {
  complete: 0,
  downloading: 0,
  paused: 0,
  origins: 0,
  completions: 0,
};
