import type { FleetseedError } from '#lib/contracts';
import type { PieceMap } from '#lib/torrent';

import type { Bitfield } from '../bitfield.js';
import type { PeerConnection } from '../peer/peer-connection.js';
import { peerRefused } from '../peer/peer-errors.js';
import type { PeerHandler } from '../peer/peer.types.js';
import { CopyDivision } from '../policy/copy.division.js';
import type { PayloadLayout } from '../policy/payload.layout.js';
import type { ByteLedger } from './byte-ledger.js';
import type { DownloadJob } from './download-job.js';
import { FastGrant } from './fast-grant.js';
import { FreshSpans } from './fresh-spans.js';
import { HashDesk } from './hash-desk.js';
import { HashResponder } from './hash-responder.js';
import { HaveBroadcast } from './have-broadcast.js';
import { Neighbour } from './neighbour.js';
import { Neighbourhood } from './neighbourhood.js';
import { OriginRole } from './origin-role.js';
import { PeerDuties } from './peer-duties.js';
import type { TorrentContext, TorrentOptions } from './torrent.types.js';
import { Uploader, type Upload } from './uploader.js';

const FRESH_BYTES = 4 * 1024 * 1024;
const AGENT_NEIGHBOURS = 40;
const ORIGIN_NEIGHBOURS = 64;

export interface TorrentSwarmOptions {
  readonly torrent: TorrentOptions;
  readonly context: TorrentContext;
  readonly layout: PayloadLayout;
  readonly pieces: PieceMap;
  readonly have: Bitfield;
  readonly ledger: ByteLedger;
  /** Null while nothing is downloaded. */
  readonly job: () => DownloadJob | null;
}

/** Everything of a torrent that has to do with its neighbours, but for the download itself. */
export class TorrentSwarm {
  readonly neighbourhood: Neighbourhood;
  readonly uploader: Uploader;
  /** Spans that were verified last, still in memory. */
  readonly fresh = new FreshSpans(FRESH_BYTES);
  readonly #options: TorrentSwarmOptions;
  readonly #broadcast: HaveBroadcast;
  readonly #origin: OriginRole | null;
  readonly #duties: PeerDuties;

  constructor(options: TorrentSwarmOptions) {
    this.#options = options;
    const { torrent, context, ledger, job } = options;
    const isOrigin = torrent.role === 'origin';
    const most = torrent.maxNeighbours ?? (isOrigin ? ORIGIN_NEIGHBOURS : AGENT_NEIGHBOURS);
    this.neighbourhood = new Neighbourhood(context, most);
    this.#broadcast = new HaveBroadcast({
      neighbours: this.neighbourhood.all,
      have: options.have,
      runPieces: Math.ceil(options.layout.pieceCount / Math.max(1, options.layout.runCount)),
      clock: context.clock,
    });
    this.#origin = isOrigin ? this.#originRole() : null;
    this.uploader = this.#makeUploader();
    this.#duties = new PeerDuties({
      context,
      ledger,
      uploader: this.uploader,
      origin: this.#origin,
      hashes: new HashDesk(new HashResponder(torrent.metainfo, torrent.leavesOf), context.logger),
      job,
      changed: (neighbour) => this.#partIfContent(neighbour),
      left: (neighbour, reason) => this.#left(neighbour, reason),
    });
  }

  get neighbours(): ReadonlySet<Neighbour> {
    return this.neighbourhood.all;
  }

  /** A connection is known by now. @throws FleetseedError PEER_REFUSED */
  attach(connection: PeerConnection): PeerHandler {
    const { context, have, job } = this.#options;
    if (context.isBanned(connection.banSubject)) throw peerRefused('it is banned');
    this.neighbourhood.admit(connection);
    this.#broadcast.flush();
    const neighbour = new Neighbour(connection, this.#duties, context.clock.monotonic());
    this.neighbourhood.joined(neighbour);
    const { send } = connection;
    send!.pieces(this.#origin ? this.#origin.shown(neighbour, have) : have);
    if (connection.isMember) send!.choke(false);
    else if (!this.#origin) neighbour.fastGrant = this.#grantTo(connection);
    job()?.downloader.attach(neighbour);
    this.#origin?.attach(neighbour);
    if (connection.interested) this.#duties.interested(neighbour);
    return neighbour;
  }

  /** Pieces [first, first + count) are there now. */
  announce(first: number, count: number): void {
    if (this.#origin === null) this.#broadcast.add(first, count);
  }

  /** Pieces are not there any more. */
  retract(pieces: readonly number[]): void {
    this.#broadcast.flush();
    this.fresh.clear();
    // What an origin has nobody was told; requests for these pieces are rejected.
    if (this.#origin !== null) return;
    for (const { connection } of this.neighbours) {
      for (const piece of pieces) connection.send!.dontHave(piece);
    }
  }

  /** We want nothing any more: everybody hears of it, and who wants nothing either is parted from. */
  settle(): void {
    // The last pieces must be heard of before.
    this.#broadcast.flush();
    for (const { connection } of this.neighbours) connection.send!.introduce();
    for (const neighbour of this.neighbours) this.#partIfContent(neighbour);
  }

  /** Payload bytes of an upload were handed to the network. */
  uploaded({ peer, job }: Upload, bytes: number): void {
    const { context, ledger, layout } = this.#options;
    const now = context.clock.monotonic();
    peer.sentBytes += bytes;
    peer.lastPayloadAt = now;
    peer.up.add(bytes, now);
    ledger.sent(peer.connection.isMember ? job.reason : 'stranger', bytes, now);
    const run = job.kind === 'span' ? job.index : layout.runs.runOfPiece(job.index);
    this.#origin?.sent(peer, run, bytes);
  }

  /** From now on requests are rejected; what was accepted is still sent. */
  leave(): void {
    this.#duties.leave();
    for (const { connection } of this.neighbours) connection.send!.choke(true);
  }

  /** Parts from those for whom nothing is on its way any more. */
  partFromServed(): void {
    for (const neighbour of this.neighbours) {
      if (!this.uploader.isServing(neighbour)) neighbour.connection.close();
    }
  }

  tick(now: number): void {
    this.neighbourhood.tick(now);
    this.#duties.turn(now);
    this.#origin?.tick(now);
  }

  /** Parts from everybody. */
  close(): void {
    this.#broadcast.close();
    this.neighbourhood.closeAll();
    this.fresh.clear();
    this.#origin?.close();
  }

  /** An origin grants nothing: it has shown a stranger no piece yet. */
  #grantTo(connection: PeerConnection): FastGrant | null {
    const { torrent, have, pieces } = this.#options;
    const { infoHashV1, infoHashV2 } = torrent.metainfo;
    const v2 = infoHashV2!.subarray(0, 20);
    return FastGrant.to(connection, connection.isV2 ? v2 : (infoHashV1 ?? v2), have, pieces);
  }

  #partIfContent(neighbour: Neighbour): void {
    if (this.#options.job() === null && neighbour.wantsNothing) neighbour.connection.close();
  }

  #left(neighbour: Neighbour, reason: FleetseedError | null): void {
    this.neighbourhood.left(neighbour, reason);
    const { job, context } = this.#options;
    if (job()) this.neighbourhood.dial(context.clock.monotonic());
  }

  #originRole(): OriginRole {
    const { copies, seedsElsewhere, replicas, metainfo } = this.#options.torrent;
    const artifact = metainfo.infoHashV2!.toString('hex');
    const { context, ledger, layout } = this.#options;
    const { random, clock } = context;
    const budget = {
      random,
      ...(copies === undefined ? {} : { copies }),
      ...(seedsElsewhere ? { seedsElsewhere } : {}),
      division: replicas ? new CopyDivision(layout, artifact, replicas) : null,
    };
    const now = () => clock.monotonic();
    return new OriginRole(layout, budget, now, () => ledger.up.rate(now()));
  }

  #makeUploader(): Uploader {
    const { layout, pieces, have, torrent, context } = this.#options;
    return new Uploader({
      layout,
      pieces,
      have,
      limit: torrent.uploadLimit ?? null,
      now: context.clock.monotonic(),
      reasonFor: (neighbour, run) => {
        if (this.#origin) return this.#origin.reasonFor(neighbour, run);
        return neighbour.connection.isMember ? 'peer' : 'stranger';
      },
      // An origin's offers say already whose turn it is.
      hasOf: this.#origin ? null : (neighbour) => this.#piecesOf(neighbour),
      accepted: (neighbour, run) => this.#origin?.accepted(neighbour, run),
    });
  }

  /** Pieces a neighbour has; who does not tell is known to have what we sent it. */
  #piecesOf({ connection, sentBytes }: Neighbour): number {
    const { pieceCount, length } = this.#options.layout;
    return Math.max(connection.have.count, (sentBytes / length) * pieceCount);
  }
}
