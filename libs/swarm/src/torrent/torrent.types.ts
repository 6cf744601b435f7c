import type { FleetseedError } from '#lib/contracts';
import type { Clock, Logger, Random } from '#lib/runtime';
import type { Metainfo } from '#lib/torrent';
import type { FleetRole } from '#lib/wire';

import type { Announcer, PeerAddress } from '../announce/announcer.js';
import type { Bitfield } from '../bitfield.js';
import type { PayloadStore } from '../disk/payload-store.js';
import type { BufferPool, SpanBuffer } from '../hashing/buffer-pool.js';
import type { SpanHasher } from '../hashing/span-hasher.js';
import type { PeerConnection } from '../peer/peer-connection.js';
import type { BanSubject } from '../policy/ban.list.js';
import type { OriginReplicas } from '../policy/copy.division.js';
import type { OfferReason } from '../policy/copy.member.js';
import type { Distance } from '../policy/picker.peer.js';
import type { RunWindow } from '../policy/run.window.js';

/** Who is served: members only, also who announced to our tracker, or everybody. */
export type PeerAccess = 'members' | 'announced' | 'open';

/** Payload over HTTP (BEP 19): what is read is not verified. `WebSeedClient` is one. */
export interface WebSeed {
  /** @param pace to be told of bytes as they come; what it returns is waited for before more are read */
  read(
    offset: number,
    target: Uint8Array,
    signal?: AbortSignal,
    pace?: (bytes: number) => Promise<void>,
  ): Promise<void>;
  /** Milliseconds until it may be asked again. */
  pausedForMs(): number;
}

export interface TorrentTimeouts {
  /** A request is not overdue before this, milliseconds. */
  readonly patienceMs: number;
  /** A peer whose requests have been overdue for this long is replaced, milliseconds. */
  readonly hungMs: number;
  /** Without a byte from peers for this long, the web seed is used, milliseconds. */
  readonly floorMs: number;
  /** After a full disk, writing is tried again after this, milliseconds. */
  readonly diskRetryMs: number;
  /** Without a byte from anywhere for this long, 'stalled' is told, milliseconds. */
  readonly stalledMs: number;
}

export const TORRENT_TIMEOUTS: TorrentTimeouts = {
  patienceMs: 4000,
  hungMs: 20_000,
  floorMs: 5000,
  diskRetryMs: 5000,
  stalledMs: 30_000,
};

export interface TorrentOptions {
  /** Must have a v2 view. */
  readonly metainfo: Metainfo;
  readonly store: PayloadStore;
  /** Pieces that are in the store and verified; none by default. The torrent keeps its own copy. */
  readonly have?: Bitfield;
  /** Pieces to download; all by default. */
  readonly wanted?: Bitfield;
  /** For reading in order what is wanted, which is then not kept: see `Torrent.passOn`. */
  readonly window?: RunWindow;
  readonly role?: FleetRole;
  /** Target id, told to members. */
  readonly target?: string;
  /** Where we stand: what members of the same zone have is fetched there. */
  readonly zone?: string;
  /** What members prove to know; null or left out: there are no members. */
  readonly swarmSecret?: Buffer | null;
  /** 'members' by default. */
  readonly access?: PeerAccess;
  /** For access 'announced'; by default the addresses that the announcer told of. */
  readonly isAnnounced?: (host: string, port: number) => boolean;
  readonly announcer?: Announcer;
  readonly webSeeds?: readonly WebSeed[];
  /** Origin: what first and rare copies may cost, in copies per cohort; 1.2 by default. */
  readonly copies?: number;
  /** Origin: complete peers that the tracker knows and that are not connected to us. */
  readonly seedsElsewhere?: () => number;
  /** Origin: the replicas that divide first copies among them; left out: there is this one. */
  readonly replicas?: OriginReplicas;
  /** Bytes a second; null for no limit. */
  readonly downloadLimit?: number | null;
  readonly uploadLimit?: number | null;
  /** Connections of this torrent at most; by default 40, of an origin 64. */
  readonly maxNeighbours?: number;
  /** Leaf hashes of a file by its root, to answer hash requests below the piece layer. */
  readonly leavesOf?: (root: Buffer) => Promise<Buffer | null>;
  readonly timeouts?: Partial<TorrentTimeouts>;
}

/** What a torrent gets from its session. */
export interface TorrentContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly peerId: Buffer;
  /** Where the session accepts connections; 0 for nowhere. */
  readonly listenPort: number;
  readonly buffers: BufferPool;
  /** A buffer, for which memory that is only kept in case is given up; null when there is none. */
  acquire(length: number): SpanBuffer | null;
  readonly hasher: SpanHasher;
  isBanned(peer: BanSubject): boolean;
  ban(peer: BanSubject, reason: FleetseedError): void;
  /** Begins to dial; false when the session has no place for another connection now. */
  dial(address: PeerAddress): boolean;
  /** There is something to upload. */
  uploadsWait(): void;
  /** The connection waits for a limit of ours. */
  isHeld(connection: PeerConnection): boolean;
  /** The torrent's limits were changed. */
  limitsChanged(): void;
  /** Bytes came from a web seed; resolves when more may come. */
  pace(bytes: number): Promise<void>;
  /** Bytes a second that may be downloaded; Infinity without a limit. */
  downloadAllowance(): number;
  /** The torrent became active, or has nothing more to do on a tick. */
  activityChanged(): void;
}

export type UploadReason = OfferReason | 'stranger' | 'peer';

/** Payload bytes. */
export interface TorrentBytes {
  /** Verified, by who sent them. */
  readonly fromOrigin: number;
  readonly fromPeers: number;
  /** Of these, what members of other zones sent. */
  readonly fromAfar: number;
  readonly fromStrangers: number;
  readonly fromWebSeed: number;
  /** Sent, by why. */
  readonly sent: Readonly<Record<UploadReason, number>>;
  /** Received for nothing. */
  readonly wasted: {
    /** The hash was wrong. */
    readonly hashFailure: number;
    /** It was there already. */
    readonly duplicate: number;
    /** The transfer ended before it was whole, or it could not be written. */
    readonly aborted: number;
  };
}

export interface NeighbourStats {
  readonly host: string;
  readonly port: number;
  readonly role: FleetRole | 'stranger' | 'web-seed';
  readonly target?: string;
  readonly distance: Distance;
  readonly client?: string;
  /** Payload bytes. */
  readonly received: number;
  readonly sent: number;
  /** Bytes a second. */
  readonly downRate: number;
  readonly upRate: number;
  /** Pieces it has. */
  readonly pieces: number;
  readonly snubbed: boolean;
}

export type TorrentState =
  | 'stopped'
  | 'downloading'
  | 'seeding'
  | 'paused'
  | 'disk-full'
  | 'failed';

export interface TorrentProgress {
  readonly state: TorrentState;
  /** Verified and written payload bytes, those that were there at the start among them. */
  readonly haveBytes: number;
  /** Payload bytes that are wanted in all. */
  readonly wantedBytes: number;
  /** Bytes a second. */
  readonly downRate: number;
  readonly upRate: number;
  /** Milliseconds until complete at the present rate; null when it cannot be told. */
  readonly etaMs: number | null;
}

export interface TorrentStats extends TorrentProgress {
  readonly bytes: TorrentBytes;
  /** Share of each 64th of the pieces that is there, 0 to 1. */
  readonly pieceMap: readonly number[];
  readonly neighbours: readonly NeighbourStats[];
  readonly knownAddresses: number;
  readonly spansInFlight: number;
}

/** Events of a torrent, with their arguments. */
export interface TorrentEvents {
  /** Pieces [first, first + count) are verified and written. */
  verified: [first: number, count: number];
  /** Something changed in `progress()`; at most a few times a second. */
  progress: [];
  /** Everything wanted is verified and written. */
  done: [];
  'peer-banned': [peer: BanSubject, reason: FleetseedError];
  /** Writing failed for lack of space; it is tried again by itself. */
  'disk-full': [error: FleetseedError];
  /** Nothing has come for long although something is lacking. */
  stalled: [];
  /** The download cannot go on: `done` is rejected. */
  error: [error: FleetseedError];
}
