import { FleetseedError } from '#lib/contracts';
import { silentLogger, systemClock, systemRandom, type Clock, type Logger } from '#lib/runtime';
import { peerIdOf } from '#lib/wire';

import { BufferPool, type SpanBuffer } from '../hashing/buffer-pool.js';
import { PEER_TIMEOUTS } from '../peer/peer.types.js';
import { RateLimiter, type RateLimits } from '../policy/rate.limiter.js';
import { UPLOADS_AT_ONCE } from '../policy/upload.scheduler.js';
import { Torrent } from '../torrent/torrent.js';
import type { TorrentContext, TorrentOptions } from '../torrent/torrent.types.js';
import { ByteTotals, type MovedBytes } from './byte-totals.js';
import { connectionLimitsOf } from './connection-book.js';
import { Connector } from './connector.js';
import { ReadGovernor } from './read-governor.js';
import type { SessionOptions, SessionStats } from './session.types.js';
import { UploadPump } from './upload-pump.js';

const MEMORY_BUDGET = 48 * 1024 * 1024;
const DIAL_TIMEOUT_MS = 5000;
const NO_LIMITS: RateLimits = { download: null, upload: null };
/** What peers that do not read may hold of the memory. */
const CLOGGED_SHARE = 0.25;
/** How often torrents are looked after, milliseconds. */
const TICK_MS = 250;
const LEAVE_LOOK_MS = 50;

/**
 * The engine of a process: one listener, one budget of memory, connections and bandwidth for all its
 * torrents.
 *
 *     const session = new Session({ hasher: new HashPool(), listen: { host: '0.0.0.0', port: 0 } });
 *     await session.listen();
 *     const torrent = session.add({ metainfo, store, swarmSecret, announcer });
 *     await torrent.done;
 */
export class Session {
  readonly peerId = peerIdOf();
  readonly buffers: BufferPool;
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #torrents = new Map<string, Torrent>();
  readonly #totals = new ByteTotals();
  /** Each torrent under all its info-hashes, by the 20 bytes (hex) of a handshake. */
  readonly #byHash = new Map<string, Torrent>();
  readonly #connector: Connector;
  readonly #governor: ReadGovernor;
  readonly #down: RateLimiter;
  readonly #up: RateLimiter;
  readonly #pump: UploadPump;
  readonly #artifactLimits = new Map<string, RateLimits>();
  #cancelTick: (() => void) | null = null;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.buffers = new BufferPool(options.memoryBudget ?? MEMORY_BUDGET);
    const now = this.#clock.monotonic();
    this.#down = new RateLimiter(options.downloadLimit ?? null, now);
    this.#up = new RateLimiter(options.uploadLimit ?? null, now);
    this.#governor = new ReadGovernor(this.#down, this.#clock);
    this.#connector = new Connector({
      clock: this.#clock,
      logger: this.#logger,
      limits: connectionLimitsOf(options),
      timeouts: { ...PEER_TIMEOUTS, ...options.timeouts },
      dialTimeoutMs: options.dialTimeoutMs ?? DIAL_TIMEOUT_MS,
      governor: this.#governor,
      torrentOf: (infoHash) => {
        const torrent = this.#byHash.get(infoHash);
        return torrent?.isActive ? torrent : null;
      },
      connected: () => this.#keepTicking(),
    });
    this.#pump = new UploadPump({
      clock: this.#clock,
      logger: this.#logger,
      limiter: this.#up,
      slots: options.uploadsAtOnce ?? UPLOADS_AT_ONCE,
      cloggedBytes: this.buffers.budget * CLOGGED_SHARE,
      acquire: (length) => this.#acquire(length),
      whenFree: (length, ready) => {
        this.buffers.whenFree(length, (buffer) => {
          buffer.release();
          ready();
        });
      },
    });
  }

  /** The port that connections are accepted on; 0 before `listen`, or without. */
  get port(): number {
    return this.#connector.port;
  }

  get torrents(): Iterable<Torrent> {
    return this.#torrents.values();
  }

  /** Begins to accept connections. @throws the system's error when the address is not to be had */
  async listen(): Promise<void> {
    const { listen } = this.#options;
    if (listen && !this.#closed) await this.#connector.listen(listen);
  }

  /**
   * Takes up an artifact, and starts it.
   * @throws FleetseedError METAINFO_INVALID without a v2 view, ALREADY_EXISTS, SHUTTING_DOWN
   */
  add(options: TorrentOptions): Torrent {
    if (this.#closed) throw new FleetseedError('SHUTTING_DOWN', 'The session is closed.');
    const { infoHashV2, name } = options.metainfo;
    if (!infoHashV2) {
      throw new FleetseedError('METAINFO_INVALID', `${name} has no v2 view: it cannot be shared.`);
    }
    const key = infoHashV2.toString('hex');
    if (this.#torrents.has(key)) {
      throw new FleetseedError('ALREADY_EXISTS', `${name} is in this session already.`, { key });
    }
    const torrent: Torrent = new Torrent(
      options,
      this.#contextOf(() => torrent),
    );
    this.#torrents.set(key, torrent);
    const { infoHashV1, infoHashV1Only } = torrent.identity;
    for (const hash of [infoHashV2.subarray(0, 20), infoHashV1, infoHashV1Only]) {
      if (hash) this.#byHash.set(hash.toString('hex'), torrent);
    }
    const limits = this.#artifactLimits.get(key);
    if (limits) torrent.setLimits(limits);
    torrent.start();
    return torrent;
  }

  /** The torrent with this v2 info-hash (32 bytes). */
  get(infoHashV2: Buffer): Torrent | undefined {
    return this.#torrents.get(infoHashV2.toString('hex'));
  }

  /** Stops a torrent and forgets it. Its store is the caller's to close. */
  async remove(torrent: Torrent): Promise<void> {
    const key = torrent.infoHashV2.toString('hex');
    if (this.#torrents.get(key) === torrent) {
      this.#totals.left(torrent);
      this.#torrents.delete(key);
      for (const [hash, other] of this.#byHash) if (other === torrent) this.#byHash.delete(hash);
      this.#pump.forget(torrent);
    }
    await torrent.stop();
  }

  /** Of all torrents together. */
  get limits(): RateLimits {
    return { download: this.#down.rate, upload: this.#up.rate };
  }

  /** Artifacts with limits of their own, by v2 info-hash (hex), whether they are here or not. */
  get artifactLimits(): ReadonlyMap<string, RateLimits> {
    return this.#artifactLimits;
  }

  /** Sets limits of all torrents together; null lifts one. Takes effect at once. @throws RangeError */
  setLimits(limits: Partial<RateLimits>): void {
    const now = this.#clock.monotonic();
    if (limits.download !== undefined) this.#down.setRate(limits.download, now);
    if (limits.upload !== undefined) this.#up.setRate(limits.upload, now);
    this.#limitsChanged();
  }

  /**
   * Sets limits of one artifact, now and whenever it is added again; of its limits and the session's
   * the tighter one holds. @throws RangeError
   */
  setArtifactLimits(infoHashV2: Buffer, limits: Partial<RateLimits>): void {
    const key = infoHashV2.toString('hex');
    const all = { ...NO_LIMITS, ...this.#artifactLimits.get(key), ...limits };
    this.#torrents.get(key)?.setLimits(all);
    if (all.download === null && all.upload === null) this.#artifactLimits.delete(key);
    else this.#artifactLimits.set(key, all);
  }

  stats(): SessionStats {
    return {
      torrents: this.#torrents.size,
      connections: this.#connector.connections,
      halfOpen: this.#connector.halfOpen,
      bannedPeers: this.#connector.bannedPeers,
      refused: this.#connector.refused,
      memoryUsed: this.buffers.used,
      uploads: this.#pump.active,
      received: this.#governor.received,
    };
  }

  /** Payload since the start; asks every torrent. */
  moved(): MovedBytes {
    return this.#totals.of(this.#torrents.values());
  }

  /** To be called when nothing has moved for a while: gives up memory that is only kept in case. */
  rest(): void {
    for (const { swarm } of this.#torrents.values()) swarm.fresh.clear();
    this.buffers.trim();
  }

  /**
   * Lets go of everybody, for a process that ends while others seed on: nobody new comes in or is sent here,
   * nothing more may be requested, and who has got what it had requested is parted from.
   * Resolves when all are gone, after `mostMs` at the latest; `close` is still to be called.
   */
  async leave(mostMs: number): Promise<void> {
    void this.#connector.stop();
    const end = this.#clock.monotonic() + mostMs;
    const told = [...this.#torrents.values()].map((torrent) => torrent.leave());
    while (this.#connector.connections > 0 && this.#clock.monotonic() < end) {
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(LEAVE_LOOK_MS, resolve);
      });
      for (const { swarm } of this.#torrents.values()) swarm.partFromServed();
    }
    await Promise.all(told);
  }

  /** Ends everything within about a second: trackers are told, connections closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const unheard = this.#connector.stop();
    const stopped = [...this.#torrents.values()].map((torrent) => torrent.stop());
    this.#connector.closeAll();
    await Promise.all([...stopped, unheard]);
    this.#cancelTick?.();
    this.#cancelTick = null;
    this.#governor.close();
    this.#pump.close();
    this.#torrents.clear();
    this.#byHash.clear();
    this.buffers.trim();
  }

  #acquire(length: number): SpanBuffer | null {
    const buffer = this.buffers.acquire(length);
    if (buffer) return buffer;
    let had = false;
    for (const torrent of this.#torrents.values()) {
      had = torrent.swarm.fresh.clear() || had;
    }
    return had ? this.buffers.acquire(length) : null;
  }

  #contextOf(torrent: () => Torrent): TorrentContext {
    const { advertisedPort, hasher, random } = this.#options;
    return {
      clock: this.#clock,
      random: random ?? systemRandom,
      logger: this.#logger,
      peerId: this.peerId,
      listenPort: advertisedPort ?? this.port,
      buffers: this.buffers,
      hasher,
      acquire: (length) => this.#acquire(length),
      isBanned: (peer) => this.#connector.isBanned(peer),
      ban: (peer, reason) => this.#connector.ban(peer, reason),
      dial: (address) => this.#connector.dial(torrent(), address),
      uploadsWait: () => this.#pump.wake(torrent()),
      limitsChanged: () => this.#limitsChanged(),
      pace: (bytes) => this.#governor.drew(torrent().downloadLimiter, bytes),
      isHeld: (connection) => this.#governor.holds(connection.transport),
      downloadAllowance: () =>
        Math.min(this.#down.rate ?? Infinity, torrent().downloadLimiter.rate ?? Infinity),
      activityChanged: () => this.#keepTicking(),
    };
  }

  /** What waits for a limit looks at it again. */
  #limitsChanged(): void {
    this.#governor.release();
    for (const torrent of this.#torrents.values()) if (torrent.isBusy) this.#pump.wake(torrent);
  }

  /** A process whose torrents only wait to be asked has no timer. */
  #keepTicking(): void {
    if (this.#cancelTick || this.#closed) return;
    this.#cancelTick = this.#clock.setTimer(TICK_MS, () => {
      this.#cancelTick = null;
      this.#tick();
    });
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    this.#connector.tick(now);
    let busy = this.#connector.connections > 0;
    for (const torrent of this.#torrents.values()) {
      if (!torrent.isBusy) continue;
      busy = true;
      torrent.tick(now);
      this.#pump.wake(torrent);
    }
    this.#pump.tick(now);
    if (busy) this.#keepTicking();
  }
}
