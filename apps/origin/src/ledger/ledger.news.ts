import { z } from 'zod';

import type { Clock, Logger, Random } from '#lib/runtime';

import { lookAgain } from '../replicas/look-again.js';
import type { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import type { LedgerKeeper } from './ledger.keeper.js';

const Written = replicaTopic('ledger', z.object({ name: z.string().max(100) }));

/** Documents that others have written are read at most so often, ms. */
const READ_MS = 1000;
const HEARD_MS = 60_000;
const UNHEARD_MS = 4000;
/** What one replica may make another one read. */
const MOST_WAITING = 1000;

export interface LedgerNewsOptions {
  readonly post: ReplicaPost;
  readonly keeper: LedgerKeeper;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Keeps the accounts of the replicas the same: each reads what the others have written. */
export class LedgerNews {
  readonly #waiting = new Set<string>();
  readonly #ends: (() => Promise<void>)[] = [];
  #cancel: (() => void) | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(private readonly options: LedgerNewsOptions) {}

  begin(): void {
    const { post, keeper, clock, random } = this.options;
    const endHearing = post.hear(Written, ({ name }) => this.#heard(name));
    const onError = (error: unknown) => this.#failed(error);
    const every = { post, clock, random, heardMs: HEARD_MS, unheardMs: UNHEARD_MS, onError };
    this.#ends.push(
      async () => endHearing(),
      lookAgain(() => keeper.loadOthers(), every),
    );
  }

  /** Tells the others of a document of ours. */
  written(name: string): void {
    this.options.post.tell(Written, { name });
  }

  async end(): Promise<void> {
    this.#cancel?.();
    this.#waiting.clear();
    await Promise.all(this.#ends.splice(0).map((end) => end()));
    await this.#reading;
  }

  #heard(name: string): void {
    if (this.#waiting.size < MOST_WAITING && NAME.test(name)) this.#waiting.add(name);
    this.#cancel ??= this.options.clock.setTimer(READ_MS, () => {
      this.#reading = this.#reading.then(() => this.#read());
    });
  }

  async #read(): Promise<void> {
    this.#cancel = null;
    const names = [...this.#waiting];
    this.#waiting.clear();
    try {
      for (const name of names) await this.options.keeper.loadOther(name);
    } catch (error) {
      // The next look finds them.
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.options.logger.warn('accounts of other replicas not read', { error });
  }
}

const NAME = /^\d{4}-\d\d-\d\d\/[0-9a-z-]{1,64}$/;
