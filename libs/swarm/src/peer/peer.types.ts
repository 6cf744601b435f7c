import type { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';
import type { InfoHashKind } from '#lib/torrent';
import type { BlockKind, FleetRole, Handshake, HashRange, IndexRange } from '#lib/wire';

/** Everything that a connection has to know of the artifact and of us. */
export interface PeerIdentity {
  /** SHA-1 of the info dictionary; null without a v1 view. */
  readonly infoHashV1: Buffer | null;
  /** That of the v1 edition (see `v1EditionOf`); null without. */
  readonly infoHashV1Only: Buffer | null;
  /** 32 bytes. */
  readonly infoHashV2: Buffer;
  readonly pieceCount: number;
  /** 20 bytes. */
  readonly peerId: Buffer;
  readonly role: FleetRole;
  readonly target?: string;
  /** See `zoneMark`; null: we do not know where we stand. */
  readonly zone: Buffer | null;
  /** Null: there are no members, everybody is a stranger. */
  readonly swarmSecret: Buffer | null;
  /** Where we accept connections; 0 for nowhere. */
  readonly listenPort: number;
  /** BEP 21: we want nothing. */
  readonly uploadOnly: boolean;
  /**
   * The `info` dictionary with the hash that a connection goes by, to be given away (BEP 9); null for a
   * private artifact, whose metadata nobody gets from peers.
   */
  metadataOf(view: InfoHashKind): Buffer | null;
  /** Whether a stranger from this address may stay. */
  admits(host: string, port: number): boolean;
}

export interface PeerTimeouts {
  /** From the connection to a complete handshake, and from there to a known peer, milliseconds. */
  readonly handshakeMs: number;
  /** Without a whole message for this long a connection is closed, milliseconds. */
  readonly idleMs: number;
  /** A peer that took nothing of what waits for it for this long is closed, milliseconds. */
  readonly unreadMs: number;
  /** After this long without sending, a keep-alive is sent, milliseconds. */
  readonly keepAliveMs: number;
}

export const PEER_TIMEOUTS: PeerTimeouts = {
  handshakeMs: 10_000,
  idleMs: 150_000,
  unreadMs: 60_000,
  keepAliveMs: 60_000,
};

export interface PeerConnectionOptions {
  readonly clock: Clock;
  readonly timeouts: PeerTimeouts;
  /** Names the artifact of a handshake; null when it is none of ours, or no place is free. */
  readonly lookup: (handshake: Handshake) => PeerIdentity | null;
  /** The peer is known, as a member or as a stranger that is admitted: who takes care of it? */
  readonly ready: () => PeerHandler;
  /** Called once, after the handler was told. */
  readonly closed: (reason: FleetseedError | null) => void;
}

/** What a torrent does with what comes from one peer. Throwing closes the connection. */
export interface PeerHandler {
  /** The peer has pieces that it did not have before. */
  gained(piece: number): void;
  /** The peer told all it has at once; `peer.have` is new. */
  hasNew(): void;
  lost(piece: number): void;
  /** A block (`index` is a piece), or bytes of a run. */
  requested(kind: BlockKind, index: number, begin: number, length: number): void;
  cancelled(kind: BlockKind, index: number, begin: number, length: number): void;
  rejected(kind: BlockKind, index: number, begin: number, length: number): void;
  offered(runs: readonly IndexRange[]): void;
  withdrawn(runs: readonly IndexRange[]): void;
  /** Said to an origin: only these runs are wanted of it, the first ones first. */
  wished(runs: readonly IndexRange[]): void;
  /** `peer.choking` changed. */
  choking(): void;
  /** `peer.interested` changed. */
  interested(): void;
  /** `peer.uploadOnly` changed. */
  uploadOnly(): void;
  hashRequested(range: HashRange): void;
  /** See WireSink. */
  blockBegins(kind: BlockKind, index: number, begin: number, length: number): Uint8Array | null;
  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void;
  /** Bytes came in; called after each chunk was taken. */
  received(bytes: number): void;
  closed(reason: FleetseedError | null): void;
}
