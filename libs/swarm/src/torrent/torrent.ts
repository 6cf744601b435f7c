import { EventEmitter } from 'node:events';

import { FleetseedError } from '#lib/contracts';
import { PieceMap, RunTable, type Metainfo } from '#lib/torrent';
import type { FleetRole } from '#lib/wire';

import type { PeerAddress } from '../announce/announcer.js';
import { Bitfield } from '../bitfield.js';
import type { PeerConnection } from '../peer/peer-connection.js';
import { peerRefused } from '../peer/peer-errors.js';
import type { PeerHandler, PeerIdentity } from '../peer/peer.types.js';
import { PayloadLayout } from '../policy/payload.layout.js';
import { RateLimiter } from '../policy/rate.limiter.js';
import { AnnounceLoop } from './announce-loop.js';
import { ByteLedger } from './byte-ledger.js';
import { DownloadJob } from './download-job.js';
import { FreshSpans } from './fresh-spans.js';
import { HashResponder } from './hash-responder.js';
import { HaveBroadcast } from './have-broadcast.js';
import { Neighbour } from './neighbour.js';
import { Neighbourhood } from './neighbourhood.js';
import { OriginRole } from './origin-role.js';
import { PeerDuties } from './peer-duties.js';
import { pieceMapOf } from './piece-buckets.js';
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
import { Uploader, type Upload } from './uploader.js';

const FRESH_BYTES = 4 * 1024 * 1024;
const AGENT_NEIGHBOURS = 40;
const ORIGIN_NEIGHBOURS = 64;
const NUM_WANT = 50;

/**
 * One artifact in a session: it downloads what is lacking, and serves what is there. Made by
 * `Session.add`. Events: see TorrentEvents.
 */
export class Torrent extends EventEmitter<TorrentEvents> {
  readonly metainfo: Metainfo;
  readonly pieces: PieceMap;
  readonly layout: PayloadLayout;
  /** Pieces that are verified and written. Not to be changed from outside. */
  readonly have: Bitfield;
  readonly role: FleetRole;
  readonly options: TorrentOptions;
  readonly identity: PeerIdentity;
  readonly downloadLimiter: RateLimiter;
  /** Resolves when everything wanted is there; rejects when the torrent fails or is stopped before. */
  readonly done: Promise<void>;
  readonly #context: TorrentContext;
  readonly #timeouts: TorrentTimeouts;
  readonly #wanted: Bitfield;
  readonly #ledger: ByteLedger;
  readonly #fresh = new FreshSpans(FRESH_BYTES);
  readonly #neighbourhood: Neighbourhood;
  readonly #broadcast: HaveBroadcast;
  readonly #uploader: Uploader;
  readonly #origin: OriginRole | null;
  readonly #duties: PeerDuties;
  #announces: AnnounceLoop | null = null;
  #job: DownloadJob | null = null;
  #state: TorrentState = 'stopped';
  #settle!: { resolve: () => void; reject: (error: FleetseedError) => void };
  #haveBytes = 0;
  #wantedBytes = 0;
  #stalledTold = false;
  #progressTold = false;

  constructor(options: TorrentOptions, context: TorrentContext) {
    super();
    const { metainfo } = options;
    const now = context.clock.monotonic();
    this.options = options;
    this.metainfo = metainfo;
    this.#context = context;
    this.#timeouts = { ...TORRENT_TIMEOUTS, ...options.timeouts };
    this.pieces = new PieceMap(metainfo);
    this.layout = new PayloadLayout(this.pieces, new RunTable(this.pieces));
    const { pieceCount } = this.pieces;
    this.have = options.have?.clone() ?? new Bitfield(pieceCount);
    this.#wanted = options.wanted?.clone() ?? Bitfield.full(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) this.#account(piece);
    this.role = options.role ?? 'agent';
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Somebody may only listen to events.
    this.done.catch(() => {});
    this.#ledger = new ByteLedger(now);
    this.downloadLimiter = new RateLimiter(options.downloadLimit ?? null, now);
    const most =
      options.maxNeighbours ?? (this.role === 'origin' ? ORIGIN_NEIGHBOURS : AGENT_NEIGHBOURS);
    this.#neighbourhood = new Neighbourhood(context, most);
    this.#broadcast = new HaveBroadcast(this.#neighbourhood.all);
    this.#origin = this.role === 'origin' ? this.#originRole() : null;
    this.#uploader = this.#makeUploader(now);
    this.identity = this.#makeIdentity();
    this.#duties = new PeerDuties({
      context,
      ledger: this.#ledger,
      uploader: this.#uploader,
      origin: this.#origin,
      hashes: new HashResponder(metainfo, options.leavesOf),
      job: () => this.#job,
      changed: (neighbour) => this.#partIfContent(neighbour),
      received: (neighbour, bytes) => context.received(neighbour.connection, bytes),
      left: (neighbour, reason) => this.#left(neighbour, reason),
    });
  }

  get infoHashV2(): Buffer {
    return this.metainfo.infoHashV2!;
  }

  get state(): TorrentState {
    return this.#job?.isHeld ? 'disk-full' : this.#state;
  }

  /** True while connections may come and go. */
  get isActive(): boolean {
    return this.#state === 'downloading' || this.#state === 'seeding';
  }

  /** True while something happens that needs ticks often. */
  get isBusy(): boolean {
    return this.isActive && (this.#job !== null || this.#neighbourhood.all.size > 0);
  }

  /** Begins, or goes on after `pause`. */
  start(): void {
    if (this.isActive || this.#state === 'failed') return;
    const { announcer } = this.options;
    const { clock, logger } = this.#context;
    this.#state = 'seeding';
    if (announcer) {
      this.#announces = new AnnounceLoop({
        announcer,
        clock,
        logger,
        facts: () => ({
          uploaded: this.#ledger.uploaded,
          downloaded: this.#ledger.downloaded,
          left: this.layout.length - this.#bytesThere(),
          numWant: this.#job ? NUM_WANT : 0,
        }),
        answered: ({ peers }) => this.addPeers(peers),
      });
    }
    this.#download();
    this.#announces?.start();
    this.#context.activityChanged();
  }

  /** Parts from all neighbours and does nothing until `start`. */
  async pause(): Promise<void> {
    if (this.isActive) await this.#halt('paused');
  }

  /** Ends for good: neighbours are parted from and the tracker is told, within about a second. */
  async stop(): Promise<void> {
    const wasActive = this.isActive;
    if (this.#state !== 'failed') this.#state = 'stopped';
    if (wasActive) await this.#halt('stopped');
    this.#settle.reject(new FleetseedError('ABORTED', 'The torrent was stopped.'));
  }

  /** Peers that are known from elsewhere than the announcer. */
  addPeers(addresses: readonly PeerAddress[]): void {
    this.#neighbourhood.found(addresses);
    if (this.#job) this.#neighbourhood.dial(this.#context.clock.monotonic());
  }

  /** Bytes a second; null lifts the limit. Takes effect at once. */
  setLimits(limits: { download?: number | null; upload?: number | null }): void {
    const now = this.#context.clock.monotonic();
    if (limits.download !== undefined) this.downloadLimiter.setRate(limits.download, now);
    if (limits.upload !== undefined) this.#uploader.limiter.setRate(limits.upload, now);
    this.#context.uploadsWait();
  }

  /** Pieces are no longer there as they were verified: they are not served any more, nor wanted. */
  withdraw(pieces: Iterable<number>): void {
    this.#broadcast.flush();
    for (const piece of pieces) {
      if (!this.have.get(piece)) continue;
      this.#account(piece, -1);
      this.have.clear(piece);
      this.#wanted.clear(piece);
      for (const { connection } of this.#neighbourhood.all) {
        if (this.#origin === null) connection.send!.dontHave(piece);
      }
    }
    this.#fresh.clear();
  }

  /** Pieces that are lacking are wanted, too: downloads them into the store. */
  fetch(pieces: Iterable<number>): void {
    let any = false;
    for (const piece of pieces) {
      if (this.have.get(piece)) continue;
      any = true;
      this.#account(piece, -1);
      this.#wanted.set(piece);
      this.#account(piece);
    }
    if (!any || !this.isActive) return;
    this.#job?.close();
    this.#job = null;
    this.#download();
  }

  /** Pieces that were withdrawn are there again, verified by the caller. */
  restore(pieces: Iterable<number>): void {
    for (const piece of pieces) {
      this.#account(piece, -1);
      this.#wanted.set(piece);
      const isNew = this.have.set(piece);
      this.#account(piece);
      if (isNew && this.#origin === null) this.#broadcast.add(piece, 1);
    }
  }

  progress(): TorrentProgress {
    const now = this.#context.clock.monotonic();
    const downRate = this.#ledger.down.rate(now);
    const left = this.#wantedBytes - this.#haveBytes;
    return {
      state: this.state,
      haveBytes: this.#haveBytes,
      wantedBytes: this.#wantedBytes,
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
      neighbours: [...this.#neighbourhood.all].map((neighbour) => neighbour.stats(now)),
      knownAddresses: this.#neighbourhood.knownAddresses,
      spansInFlight: this.#job?.downloader.inFlight ?? 0,
    };
  }

  // What follows is for the session.

  /** A connection is known by now. @throws FleetseedError PEER_REFUSED */
  attach(connection: PeerConnection): PeerHandler {
    if (!this.isActive) throw peerRefused('the torrent is not active');
    if (this.#context.isBanned(connection.transport.host)) throw peerRefused('it is banned');
    this.#neighbourhood.admit(connection);
    this.#broadcast.flush();
    const neighbour = new Neighbour(connection, this.#duties, this.#context.clock.monotonic());
    this.#neighbourhood.joined(neighbour);
    const { send } = connection;
    // An origin says by offers what it gives; a bitfield would be an offer to everybody.
    send!.pieces(this.#origin ? new Bitfield(this.pieces.pieceCount) : this.have);
    if (connection.isMember) send!.choke(false);
    this.#job?.downloader.attach(neighbour);
    this.#origin?.attach(neighbour);
    if (connection.interested) this.#duties.interested(neighbour);
    this.#context.activityChanged();
    return neighbour;
  }

  dialFailed(address: PeerAddress, reason: FleetseedError | null): void {
    this.#neighbourhood.dialFailed(address, reason);
  }

  /** What to send next; null when nothing waits or a limit is exceeded. */
  nextUpload(now: number): Upload | null {
    return this.isActive ? this.#uploader.next(now) : null;
  }

  get uploads(): { readonly uploader: Uploader; readonly fresh: FreshSpans } {
    return { uploader: this.#uploader, fresh: this.#fresh };
  }

  /** Payload bytes of an upload left. */
  uploaded({ peer, job }: Upload, bytes: number): void {
    const now = this.#context.clock.monotonic();
    const isStranger = !peer.connection.isMember;
    peer.sentBytes += bytes;
    peer.up.add(bytes, now);
    this.#ledger.sent(isStranger ? 'stranger' : job.reason, bytes, now);
    this.#uploader.limiter.spend(bytes, now);
    const run = job.kind === 'span' ? job.index : this.layout.runs.runOfPiece(job.index);
    this.#origin?.sent(peer, run, bytes);
  }

  /** To be called a few times a second while busy. */
  tick(now: number): void {
    if (!this.isActive) return;
    this.#neighbourhood.tick(now);
    this.#duties.turn(now);
    this.#origin?.tick(now);
    if (!this.#job) {
      if (this.#neighbourhood.all.size === 0) this.#fresh.clear();
      return;
    }
    this.#job.tick(now);
    this.#neighbourhood.dial(now);
    if (this.#neighbourhood.all.size === 0) this.#announces?.hurry();
    const stalled = now - this.#job.downloader.lastBytesAt > this.#timeouts.stalledMs;
    if (stalled && !this.#stalledTold) this.emit('stalled');
    this.#stalledTold = stalled;
    if (this.#progressTold) this.emit('progress');
    this.#progressTold = false;
  }

  #download(): void {
    const missing = new Bitfield(this.pieces.pieceCount);
    for (const piece of this.#wanted.indices()) if (!this.have.get(piece)) missing.set(piece);
    if (missing.none) return this.#finished();
    const { store, webSeeds = [] } = this.options;
    this.#state = 'downloading';
    this.#job = new DownloadJob({
      layout: this.layout,
      pieces: this.pieces,
      store,
      missing,
      context: this.#context,
      ledger: this.#ledger,
      fresh: this.#fresh,
      webSeeds,
      timeouts: this.#timeouts,
      verified: (first, count) => this.#verified(first, count),
      finished: () => this.#finished(),
      culprit: (host) => this.#ban(host),
      diskFull: (error) => error && this.emit('disk-full', error),
      failed: (error) => this.#fail(error),
    });
    for (const neighbour of this.#neighbourhood.all) this.#job.downloader.attach(neighbour);
    (globalThis as any).DBG = (log: any) => { for (const n of this.#neighbourhood.all) log('DBG', 0, n.source?.pick.interesting, JSON.stringify([...(n.source?.pick.offers ?? [])]), n.source?.full, n.source?.snubbed, n.source?.restsUntil, n.source?.choking, n.source?.outstanding, this.#job?.downloader.picker.endGame, JSON.stringify([...this.have.missing()].map((p)=>this.layout.runs.runOfPiece(p)))); };
    this.#job.downloader.fill();
    this.#neighbourhood.dial(this.#context.clock.monotonic());
  }

  #verified(first: number, count: number): void {
    for (let piece = first; piece < first + count; piece++) {
      if (!this.have.set(piece)) continue;
      this.#haveBytes += this.pieces.lengthOf(piece);
    }
    if (this.#origin === null) this.#broadcast.add(first, count);
    this.#progressTold = true;
    this.emit('verified', first, count);
  }

  #finished(): void {
    const { swarmSecret } = this.options;
    this.#job?.close();
    this.#job = null;
    this.#state = 'seeding';
    this.#settle.resolve();
    if (this.have.all) this.#announces?.completed();
    // Neighbours must hear of the last pieces before they hear that we want nothing.
    this.#broadcast.flush();
    for (const { connection } of this.#neighbourhood.all) {
      if (swarmSecret || !connection.isMember) connection.send!.introduce();
    }
    this.#neighbourhood.partFromContent();
    this.emit('done');
  }

  #fail(error: FleetseedError): void {
    void this.#halt('failed');
    this.#settle.reject(error);
    this.emit('error', error);
  }

  async #halt(state: TorrentState): Promise<void> {
    this.#job?.close();
    this.#job = null;
    this.#state = state;
    this.#neighbourhood.closeAll();
    this.#fresh.clear();
    this.#origin?.close();
    const announces = this.#announces;
    this.#announces = null;
    this.#context.activityChanged();
    await announces?.stop();
  }

  #ban(host: string): void {
    // Other spans of the same sender may have been on their way through the hashing.
    if (this.#context.isBanned(host)) return;
    const reason = new FleetseedError('HASH_MISMATCH', `The peer ${host} sent wrong bytes.`, {
      host,
    });
    this.#context.ban(host, reason);
    this.emit('peer-banned', host, reason);
  }

  #partIfContent(neighbour: Neighbour): void {
    if (this.isActive && !this.#job && neighbour.wantsNothing) neighbour.connection.close();
  }

  #left(neighbour: Neighbour, reason: FleetseedError | null): void {
    this.#neighbourhood.left(neighbour, reason);
    if (this.#job) this.#neighbourhood.dial(this.#context.clock.monotonic());
  }

  #bytesThere(): number {
    let bytes = 0;
    for (const piece of this.have.indices()) bytes += this.pieces.lengthOf(piece);
    return bytes;
  }

  /** Counts a piece in (or, by -1, out of) what is wanted and what of that is there. */
  #account(piece: number, sign = 1): void {
    if (!this.#wanted.get(piece)) return;
    const length = sign * this.pieces.lengthOf(piece);
    this.#wantedBytes += length;
    if (this.have.get(piece)) this.#haveBytes += length;
  }

  #originRole(): OriginRole {
    const { copies, seedsElsewhere, responsible } = this.options;
    const { random, clock } = this.#context;
    return new OriginRole(
      this.layout,
      {
        random,
        ...(copies === undefined ? {} : { copies }),
        ...(seedsElsewhere ? { seedsElsewhere } : {}),
        ...(responsible ? { responsible } : {}),
      },
      () => clock.monotonic(),
      () => this.#ledger.up.rate(clock.monotonic()),
    );
  }

  #makeUploader(now: number): Uploader {
    return new Uploader({
      layout: this.layout,
      pieces: this.pieces,
      have: this.have,
      limit: this.options.uploadLimit ?? null,
      now,
      reasonFor: (neighbour, run) => {
        if (this.#origin) return this.#origin.reasonFor(neighbour, run);
        return neighbour.connection.isMember ? 'peer' : 'stranger';
      },
      accepted: (neighbour, run) => this.#origin?.accepted(neighbour, run),
    });
  }

  #makeIdentity(): PeerIdentity {
    const { options, metainfo, role } = this;
    const { peerId, listenPort } = this.#context;
    const wantsNothing = () => this.#job === null;
    return {
      infoHashV1: metainfo.infoHashV1,
      infoHashV2: metainfo.infoHashV2!,
      pieceCount: this.pieces.pieceCount,
      peerId,
      role,
      ...(options.target === undefined ? {} : { target: options.target }),
      swarmSecret: options.swarmSecret ?? null,
      listenPort,
      get uploadOnly() {
        return wantsNothing();
      },
      admits: (host, port) => {
        const { access = 'members', isAnnounced } = options;
        return (
          access === 'open' || (access === 'announced' && (isAnnounced?.(host, port) ?? false))
        );
      },
    };
  }
}
