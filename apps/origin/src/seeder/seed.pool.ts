import { FleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

/** An artifact that is given out at the moment. */
export interface Seeded {
  /** Whether peers are connected. */
  readonly inUse: boolean;
  /** Ends it: connections are closed, what was counted is accounted for. */
  stop(): Promise<void>;
}

export interface SeedPoolOptions<S extends Seeded> {
  /** Begins to give an artifact. @throws ARTIFACT_NOT_FOUND and whatever keeps it from being read. */
  readonly seed: (artifact: string) => Promise<S>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without a connection and without being wanted for so long an artifact is put away, ms. */
  readonly idleMs?: number;
  /** Artifacts given out at a time. */
  readonly maxActive?: number;
}

interface Entry<S> {
  readonly seeded: Promise<S>;
  ready: S | null;
  usedAt: number;
}

const IDLE_MS = 10 * 60_000;
const MAX_ACTIVE = 1000;

/**
 * Which artifacts are given out: those that somebody wanted lately. An artifact costs memory while
 * it is open (its piece hashes), and of thousands of releases a few are on their way at any time.
 */
export class SeedPool<S extends Seeded> {
  readonly #entries = new Map<string, Entry<S>>();
  /** What is being put away; it must be gone before it may begin again. */
  readonly #ending = new Map<string, Promise<void>>();
  #closed = false;

  constructor(private readonly options: SeedPoolOptions<S>) {}

  get size(): number {
    return this.#entries.size;
  }

  /** Ready ones, by artifact. */
  *active(): Generator<[string, S]> {
    for (const [artifact, { ready }] of this.#entries) if (ready) yield [artifact, ready];
  }

  get(artifact: string): S | null {
    return this.#entries.get(artifact)?.ready ?? null;
  }

  /**
   * Somebody wants the artifact: resolves when it is given out.
   * @throws OVER_BUDGET when as many as may be are given out and in use; what `seed` throws
   */
  async want(artifact: string): Promise<S> {
    const known = this.#entries.get(artifact);
    if (known) {
      known.usedAt = this.options.clock.monotonic();
      return known.seeded;
    }
    if (this.#closed) throw new FleetseedError('SHUTTING_DOWN', 'The origin is ending.');
    this.#makeRoom();
    return this.#add(artifact);
  }

  /** Puts away what nobody wanted or was connected to for long. To be called now and then. */
  sweep(): void {
    const now = this.options.clock.monotonic();
    for (const [artifact, entry] of this.#entries) {
      if (entry.ready?.inUse) entry.usedAt = now;
      const idleFor = now - entry.usedAt;
      if (idleFor >= (this.options.idleMs ?? IDLE_MS)) this.#drop(artifact, entry);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all([
      ...entries.map(({ seeded }) => this.#stop(seeded)),
      ...this.#ending.values(),
    ]);
  }

  #add(artifact: string): Promise<S> {
    const ended = this.#ending.get(artifact) ?? Promise.resolve();
    const seeded = ended.then(() => this.options.seed(artifact));
    const entry: Entry<S> = { seeded, ready: null, usedAt: this.options.clock.monotonic() };
    this.#entries.set(artifact, entry);
    seeded.then(
      (ready) => (entry.ready = ready),
      () => this.#entries.get(artifact) === entry && this.#entries.delete(artifact),
    );
    return seeded;
  }

  /** The one that was wanted longest ago and that nobody is connected to gives way. */
  #makeRoom(): void {
    if (this.#entries.size < (this.options.maxActive ?? MAX_ACTIVE)) return;
    const unused = [...this.#entries].filter(([, { ready }]) => ready?.inUse === false);
    const oldest = unused.sort(([, a], [, b]) => a.usedAt - b.usedAt)[0];
    if (!oldest) {
      throw new FleetseedError('OVER_BUDGET', 'The origin gives as many artifacts as it may.');
    }
    this.#drop(...oldest);
  }

  #drop(artifact: string, { seeded }: Entry<S>): void {
    this.#entries.delete(artifact);
    const ended = this.#stop(seeded).then(() => {
      if (this.#ending.get(artifact) === ended) this.#ending.delete(artifact);
    });
    this.#ending.set(artifact, ended);
  }

  /** Never rejects. */
  async #stop(seeded: Promise<S>): Promise<void> {
    try {
      await (await seeded).stop();
    } catch (error) {
      this.options.logger.warn('seeding ended badly', { error });
    }
  }
}
