import type { PeerAnnounce, SwarmCounts } from '../peer-store.js';
import { CandidatePool } from './candidate-pool.js';
import { HandOuts } from './hand-outs.js';
import { encodeRecord, memberOf } from './record.codec.js';

/** What a swarm's line needs of the store. */
export interface LineDoors {
  /** Runs the announce script for one swarm. @param words of the announces, see ANNOUNCE */
  readonly tell: (words: (string | number)[]) => Promise<unknown[]>;
  readonly random: () => number;
  readonly now: () => number;
  /** Nobody waits in the line, and there is nothing to be told. */
  readonly onIdle: () => void;
}

/** What became of one announce, and the candidates of all who announced with it. */
export interface Told {
  readonly counts: SwarmCounts;
  readonly stored: boolean;
  readonly pool: CandidatePool;
}

interface Waiting {
  readonly announce: PeerAnnounce;
  readonly sample: number;
  readonly resolve: (told: Told) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_LIFETIME_MS = 3_600_000;
/** Announces of one call: it keeps Redis busy for a few milliseconds at most. */
const MOST_AT_ONCE = 64;

/**
 * The announces in one swarm: one call is under way at a time, and who comes meanwhile goes together with the
 * next. With few nobody waits; with many each costs a part of a call, and none more than one round trip of its
 * own.
 */
export class SwarmLine {
  #waiting: Waiting[] = [];
  readonly handOuts = new HandOuts();
  #running = false;

  constructor(private readonly doors: LineDoors) {}

  /** Whether somebody waits, or there is something to be told. */
  get isBusy(): boolean {
    return this.#running || !this.handOuts.isEmpty;
  }

  /** @param sample at most so many candidates besides the origins */
  announce(announce: PeerAnnounce, sample: number): Promise<Told> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ announce, sample, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Those of the same moment go together.
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE);
      try {
        const words = batch.flatMap((each) => this.#wordsOf(each));
        const answer = await this.doors.tell(words);
        settle(batch, answer, this.doors.random);
      } catch (error) {
        // Redis is away, or soon overtaxed: who waits is not kept waiting for another failure.
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      }
    }
    this.#running = false;
    this.doors.onIdle();
  }

  #wordsOf({ announce: { peer, stopped }, sample }: Waiting): (string | number)[] {
    const lifetime = Math.ceil(Math.min(peer.expiresAt - this.doors.now(), MAX_LIFETIME_MS));
    return [memberOf(peer), encodeRecord(peer), lifetime, stopped ? 1 : 0, sample];
  }
}

function settle(batch: readonly Waiting[], answer: unknown[], random: () => number): void {
  const [complete, downloading, paused, origins, completions] = answer as number[];
  const counts = {
    complete: complete!,
    downloading: downloading!,
    paused: paused!,
    origins: origins!,
    completions: completions!,
  };
  const stored = answer[6] as string;
  const pool = new CandidatePool(answer, random);
  for (const [at, { resolve }] of batch.entries()) {
    resolve({ counts, stored: stored[at] === '1', pool });
  }
}
