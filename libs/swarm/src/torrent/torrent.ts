import { EventEmitter } from 'node:events';

import { FleetseedError } from '#lib/contracts';
import { PieceMap, RunTable, v1EditionOf, type Metainfo } from '#lib/torrent';
import { zoneMark, type FleetRole } from '#lib/wire';

import type { PeerAddress } from '../announce/announcer.js';
import { Bitfield } from '../bitfield.js';
import type { PeerConnection } from '../peer/peer-connection.js';
import { peerRefused } from '../peer/peer-errors.js';
import type { PeerHandler, PeerIdentity } from '../peer/peer.types.js';
import type { BanSubject } from '../policy/ban.list.js';
import { PayloadLayout } from '../policy/payload.layout.js';
import { RateLimiter, type RateLimits } from '../policy/rate.limiter.js';
import { AnnounceLoop } from './announce-loop.js';
import { ByteLedger } from './byte-ledger.js';
import { DownloadJob } from './download-job.js';
import { PieceAccount } from './piece-account.js';
import { pieceMapOf } from './piece-buckets.js';
import { TorrentSwarm } from './torrent-swarm.js';
import {
  TORRENT_TIMEOUTS,
  type TorrentContext,
  type TorrentEvents,
  type TorrentOptions,
  type TorrentProgress,
  type TorrentState,
  type TorrentStats,
  type TorrentTimeouts,
} from './torrent.types.js';
import type { Upload } from './uploader.js';

const NUM_WANT = 50;

/**
 * One artifact in a session: it downloads what is lacking, and serves what is there. Made by
 * `Session.add`. Events: see TorrentEvents.
 */
export class Torrent extends EventEmitter<TorrentEvents> {
  readonly options: TorrentOptions;
  readonly metainfo: Metainfo;
  readonly pieces: PieceMap;
  readonly layout: PayloadLayout;
  readonly role: FleetRole;
  readonly downloadLimiter: RateLimiter;
  /** Resolves when everything wanted is there; rejects when the torrent fails or is stopped before. */
  readonly done: Promise<void>;
  /** For the session. */
  readonly identity: PeerIdentity;
  /** For the session. */
  readonly swarm: TorrentSwarm;
  readonly #account: PieceAccount;
  readonly #context: TorrentContext;
  readonly #timeouts: TorrentTimeouts;
  readonly #ledger: ByteLedger;
  #announces: AnnounceLoop | null = null;
  #job: DownloadJob | null = null;
  #state: TorrentState = 'stopped';
  #settle!: { resolve: () => void; reject: (error: FleetseedError) => void };
  #stalledTold = false;
  #changed = false;

  constructor(options: TorrentOptions, context: TorrentContext) {
    super();
    const now = context.clock.monotonic();
    this.options = options;
    this.metainfo = options.metainfo;
    this.role = options.role ?? 'agent';
    this.#context = context;
    this.#timeouts = { ...TORRENT_TIMEOUTS, ...options.timeouts };
    this.pieces = new PieceMap(options.metainfo);
    this.layout = new PayloadLayout(this.pieces, new RunTable(this.pieces));
    this.#account = new PieceAccount(this.pieces, options.have, options.wanted);
    this.#ledger = new ByteLedger(now);
    this.downloadLimiter = new RateLimiter(options.downloadLimit ?? null, now);
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Somebody may only listen to events.
    this.done.catch(() => {});
    this.identity = this.#makeIdentity();
    this.swarm = new TorrentSwarm({
      torrent: options,
      context,
      layout: this.layout,
      pieces: this.pieces,
      have: this.have,
      ledger: this.#ledger,
      job: () => this.#job,
    });
  }

  get infoHashV2(): Buffer {
    return this.metainfo.infoHashV2!;
  }

  /** Pieces that are verified and written. Not to be changed from outside. */
  get have(): Bitfield {
    return this.#account.have;
  }

  get state(): TorrentState {
    return this.#job?.isHeld ? 'disk-full' : this.#state;
  }

  /** True while connections may come and go. */
  get isActive(): boolean {
    return this.#state === 'downloading' || this.#state === 'seeding';
  }

  /** True while something goes on that needs ticks. */
  get isBusy(): boolean {
    return this.isActive && (this.#job !== null || this.swarm.neighbours.size > 0);
  }

  /** Begins, or goes on after `pause`. */
  start(): void {
    if (this.isActive || this.#state === 'failed') return;
    const { announcer } = this.options;
    const { clock, logger } = this.#context;
    this.#state = 'seeding';
    this.#download();
    if (announcer) {
      this.#announces = new AnnounceLoop({
        announcer,
        clock,
        logger,
        facts: () => ({
          uploaded: this.#ledger.uploaded,
          downloaded: this.#ledger.downloaded,
          left: this.layout.length - this.#account.presentBytes,
          numWant: this.#job ? NUM_WANT : 0,
          // BEP 21: a part was wanted, and is there.
          paused: this.#job === null && !this.have.all,
        }),
        answered: ({ peers }) => {
          this.swarm.neighbourhood.announced(peers);
          this.addPeers(peers);
        },
      });
      this.#announces.start();
    }
    this.#context.activityChanged();
  }

  /** Parts from all neighbours and does nothing until `start`. */
  async pause(): Promise<void> {
    if (this.isActive) await this.#halt('paused');
  }

  /** Ends for good: neighbours are parted from and the tracker is told, within about a second. */
  async stop(): Promise<void> {
    if (this.isActive) await this.#halt('stopped');
    else if (this.#state !== 'failed') this.#state = 'stopped';
    this.#settle.reject(new FleetseedError('ABORTED', 'The torrent was stopped.'));
  }

  /** Serves what was requested until now, and nothing more; the announcer sends nobody here any longer. */
  async leave(): Promise<void> {
    const announces = this.#announces;
    this.#announces = null;
    this.swarm.leave();
    await announces?.stop();
  }

  /** Peers that are known from elsewhere than the announcer. */
  addPeers(addresses: readonly PeerAddress[]): void {
    this.swarm.neighbourhood.found(addresses);
    if (this.#job) this.swarm.neighbourhood.dial(this.#context.clock.monotonic());
  }

  /** Bytes a second; null for no limit. */
  get limits(): RateLimits {
    return { download: this.downloadLimiter.rate, upload: this.swarm.uploader.limiter.rate };
  }

  /** Takes effect at once. @throws RangeError for a limit that is not positive */
  setLimits(limits: Partial<RateLimits>): void {
    const now = this.#context.clock.monotonic();
    if (limits.download !== undefined) this.downloadLimiter.setRate(limits.download, now);
    if (limits.upload !== undefined) this.swarm.uploader.limiter.setRate(limits.upload, now);
    this.#context.limitsChanged();
  }

  /** Pieces are no longer there as they were verified: they are not served any more. */
  withdraw(pieces: Iterable<number>): void {
    const gone = [...pieces].filter((piece) => this.have.get(piece));
    for (const piece of gone) this.#account.lose(piece);
    this.swarm.retract(gone);
  }

  /** Pieces that are not there, as after `withdraw`, are downloaded into the store. */
  fetch(pieces: Iterable<number>): void {
    const lacking = [...pieces].filter((piece) => this.#account.want(piece));
    if (lacking.length === 0 || !this.isActive) return;
    // The spans of a running download do not have these pieces: it begins anew with what is missing.
    this.#job?.close();
    this.#job = null;
    this.#download();
    this.#announces?.hurry();
  }

  /** Pieces that were withdrawn are there again, verified by the caller. */
  restore(pieces: Iterable<number>): void {
    for (const piece of pieces) {
      if (this.#account.regain(piece)) this.swarm.announce(piece, 1);
    }
  }

  /**
   * The reader of the window got as far as payload offset `position`. What it is done with is not there
   * any more, and what comes next is downloaded instead.
   */
  passOn(position: number): void {
    const { window } = this.options;
    if (!window) return;
    const { first, count } = window.moveTo(position);
    if (count === 0) return;
    const { runs } = this.layout;
    const begin = runs.firstPieceOf(first);
    const last = first + count - 1;
    const end = runs.firstPieceOf(last) + runs.pieceCountOf(last);
    this.withdraw(Array.from({ length: end - begin }, (_, at) => begin + at));
    this.#job?.windowMoved();
  }

  progress(): TorrentProgress {
    const now = this.#context.clock.monotonic();
    const downRate = this.#ledger.down.rate(now);
    const { haveBytes, wantedBytes } = this.#account;
    const left = wantedBytes - haveBytes;
    return {
      state: this.state,
      haveBytes,
      wantedBytes,
      downRate,
      upRate: this.#ledger.up.rate(now),
      etaMs: left === 0 ? 0 : downRate > 0 ? (left * 1000) / downRate : null,
    };
  }

  stats(): TorrentStats {
    const now = this.#context.clock.monotonic();
    return {
      ...this.progress(),
      bytes: this.#ledger.snapshot(),
      pieceMap: pieceMapOf(this.have),
      neighbours: [...this.swarm.neighbours].map((neighbour) => neighbour.stats(now)),
      knownAddresses: this.swarm.neighbourhood.knownAddresses,
      spansInFlight: this.#job?.downloader.inFlight ?? 0,
    };
  }

  /** For the session: a connection is known by now. @throws FleetseedError PEER_REFUSED */
  attach(connection: PeerConnection): PeerHandler {
    if (!this.isActive) throw peerRefused('the torrent is not active');
    const handler = this.swarm.attach(connection);
    this.#context.activityChanged();
    return handler;
  }

  /** For the session: what to send next; null when nothing waits or a limit is exceeded. */
  nextUpload(now: number, grant: number): Upload | null {
    return this.isActive ? this.swarm.uploader.next(now, grant) : null;
  }

  /** For the session: to be called a few times a second while busy. */
  tick(now: number): void {
    if (!this.isActive) return;
    this.swarm.tick(now);
    if (this.#job) this.#tickDownload(this.#job, now);
    else if (this.swarm.neighbours.size === 0) this.swarm.fresh.clear();
  }

  #tickDownload(job: DownloadJob, now: number): void {
    job.tick(now);
    this.swarm.neighbourhood.dial(now);
    if (this.swarm.neighbours.size === 0) this.#announces?.hurry();
    const idleMs = now - job.downloader.lastBytesAt;
    if (idleMs > this.#timeouts.hungMs && !job.isHeld) this.swarm.neighbourhood.rotate(now);
    const stalled = idleMs > this.#timeouts.stalledMs;
    if (stalled && !this.#stalledTold) this.emit('stalled');
    this.#stalledTold = stalled;
    if (this.#changed) this.emit('progress');
    this.#changed = false;
  }

  #download(): void {
    const missing = this.#account.missing();
    if (missing.none) {
      this.#finished();
      return;
    }
    const { store, webSeeds = [], window = null } = this.options;
    this.#state = 'downloading';
    this.#job = new DownloadJob({
      layout: this.layout,
      pieces: this.pieces,
      store,
      missing,
      context: this.#context,
      ledger: this.#ledger,
      fresh: this.swarm.fresh,
      webSeeds,
      timeouts: this.#timeouts,
      window,
      isPartial: !this.#account.wantsAll,
      verified: (first, count) => this.#verified(first, count),
      finished: () => this.#finished(),
      culprit: (peer) => this.#ban(peer),
      diskFull: (error) => error && this.emit('disk-full', error),
      failed: (error) => this.#fail(error),
    });
    for (const neighbour of this.swarm.neighbours) this.#job.downloader.attach(neighbour);
    this.#job.downloader.fill();
    this.swarm.neighbourhood.dial(this.#context.clock.monotonic());
  }

  #verified(first: number, count: number): void {
    for (let piece = first; piece < first + count; piece++) this.#account.gain(piece);
    this.swarm.announce(first, count);
    this.#changed = true;
    this.emit('verified', first, count);
  }

  #finished(): void {
    const downloaded = this.#job !== null;
    this.#job?.close();
    this.#job = null;
    this.#state = 'seeding';
    this.#settle.resolve();
    if (!downloaded) return;
    if (this.have.all) this.#announces?.completed();
    this.swarm.settle();
    this.emit('progress');
    this.emit('done');
  }

  #fail(error: FleetseedError): void {
    void this.#halt('failed');
    this.#settle.reject(error);
    // An event of this name that nobody listens to would be thrown.
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  async #halt(state: TorrentState): Promise<void> {
    this.#job?.close();
    this.#job = null;
    this.#state = state;
    this.swarm.close();
    const announces = this.#announces;
    this.#announces = null;
    await announces?.stop();
  }

  #ban(peer: BanSubject): void {
    // Other spans of the same sender may have been on their way through the hashing.
    if (this.#context.isBanned(peer)) return;
    const text = `The peer ${peer.peer} sent wrong bytes.`;
    const reason = new FleetseedError('HASH_MISMATCH', text, { peer: peer.peer });
    this.#context.ban(peer, reason);
    this.emit('peer-banned', peer, reason);
  }

  #makeIdentity(): PeerIdentity {
    const { options, metainfo, role } = this;
    const { peerId, listenPort } = this.#context;
    const { zone = '', swarmSecret = null } = options;
    // An origin has shown a stranger nothing yet: to say that it wants nothing would be taken for a
    // reason to part. Members know it by its role.
    const wantsNothing = () => this.#job === null && role === 'agent';
    return {
      infoHashV1: metainfo.infoHashV1,
      infoHashV1Only: v1EditionOf(metainfo)?.infoHash ?? null,
      infoHashV2: metainfo.infoHashV2!,
      pieceCount: this.pieces.pieceCount,
      peerId,
      role,
      ...(options.target === undefined ? {} : { target: options.target }),
      swarmSecret,
      zone: zone !== '' && swarmSecret ? zoneMark(swarmSecret, metainfo.infoHashV2!, zone) : null,
      listenPort,
      get uploadOnly() {
        return wantsNothing();
      },
      // BEP 27: of a private artifact nothing comes from peers but its payload.
      metadataOf: (view) => {
        if (metainfo.private) return null;
        return view === 'v1-only' ? (v1EditionOf(metainfo)?.infoBytes ?? null) : metainfo.infoBytes;
      },
      admits: (host, port) => {
        const { access = 'members', isAnnounced } = options;
        if (access !== 'announced') return access === 'open';
        return isAnnounced?.(host, port) ?? this.swarm.neighbourhood.isAnnounced(host);
      },
    };
  }
}
