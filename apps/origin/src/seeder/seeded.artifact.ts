import type { PeerFrame } from '#lib/contracts';
import type { Session, Torrent } from '#lib/swarm';

import { OriginFrames } from './origin-frames.js';
import type { Seeded } from './seed.pool.js';
import { SentBytesMeter } from './sent-bytes.meter.js';

export interface SeededArtifactOptions {
  readonly session: Session;
  readonly torrent: Torrent;
  /** Complete peers that the tracker knows, origins not counted. */
  readonly seedsKnown: () => Promise<number>;
  /** Takes payload bytes that were sent, by why. */
  readonly count: (reason: string, bytes: number) => void;
}

/** Looks after the last connection in which the account may still grow. */
const TICKS_AFTER_USE = 30;

/** How many complete peers there are besides those that are connected to us; asked by the engine. */
export class SeedsElsewhere {
  value = 0;
}

/** One artifact as this process gives it out: the engine's torrent, and the account of its bytes. */
export class SeededArtifact implements Seeded {
  readonly #meter = new SentBytesMeter();
  readonly #frames = new OriginFrames();
  #ticksSinceUse = 0;

  constructor(
    private readonly options: SeededArtifactOptions,
    private readonly elsewhere: SeedsElsewhere,
  ) {}

  get inUse(): boolean {
    return this.options.torrent.isBusy;
  }

  /** Whether bytes may have been sent that are not accounted for yet. */
  get mayHaveSent(): boolean {
    return this.inUse || this.#ticksSinceUse < TICKS_AFTER_USE;
  }

  /** Somebody is about to come, for a moment perhaps, between two looks at it. */
  expectPeers(): void {
    this.#ticksSinceUse = 0;
  }

  /** Brings account and knowledge of other seeds up to date; to be called every second. */
  async refresh(): Promise<void> {
    this.account();
    this.#ticksSinceUse = this.inUse ? 0 : this.#ticksSinceUse + 1;
    if (this.inUse) await this.lookForSeeds();
  }

  async lookForSeeds(): Promise<void> {
    const { torrent, seedsKnown } = this.options;
    const { neighbours } = torrent.stats();
    const connected = neighbours.filter(({ pieces }) => pieces === torrent.pieces.pieceCount);
    this.elsewhere.value = Math.max(0, (await seedsKnown()) - connected.length);
  }

  account(): void {
    const { sent } = this.options.torrent.stats().bytes;
    for (const [reason, bytes] of Object.entries(this.#meter.take(sent))) {
      this.options.count(reason, bytes);
    }
  }

  frames(): PeerFrame[] {
    const { torrent } = this.options;
    return this.#frames.take(torrent.stats(), torrent.pieces.pieceCount);
  }

  async stop(): Promise<void> {
    const { session, torrent } = this.options;
    await session.remove(torrent);
    this.account();
  }
}
