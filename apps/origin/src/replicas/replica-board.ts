import { z } from 'zod';

import { repeat, type Clock, type Logger } from '#lib/runtime';

import { eldestFirst, Membership, type LivingReplica, type ReplicaFacts } from './membership.js';
import type { ReplicaPost } from './replica-post.js';
import { replicaTopic } from './replica-topic.js';

const BEAT_MS = 2000;

const Beat = replicaTopic(
  'beat',
  z.object({
    roles: z.array(z.string().max(16)).max(16),
    peer: z.string().max(300).nullable(),
    startedAt: z.number(),
    /** Who begins, or was cut off, wants to hear from everybody at once. */
    asks: z.boolean(),
  }),
);
const GoodBye = replicaTopic('good-bye', z.object({}));

export interface ReplicaBoardOptions {
  readonly post: ReplicaPost;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What this replica says of itself at the moment. */
  readonly describe: () => Omit<ReplicaFacts, 'startedAt'>;
}

/**
 * Which replicas of the fleet are alive, at hand at every moment. Each tells the others every two
 * seconds; who says good-bye is gone at once, who is not heard for seven seconds is dropped. While the
 * bus is down the list that was known last stays, so that work stays divided as it was.
 */
export class ReplicaBoard {
  readonly #membership = new Membership();
  readonly #listeners = new Set<(alive: readonly LivingReplica[]) => void>();
  readonly #askListeners = new Set<(from: string) => void>();
  readonly #ends: (() => void)[] = [];
  readonly #startedAt: number;
  #alive: readonly LivingReplica[] | null = null;

  constructor(private readonly options: ReplicaBoardOptions) {
    this.#startedAt = options.clock.now();
  }

  get self(): string {
    return this.options.post.self;
  }

  /** The replicas that are alive, this one among them, the eldest first; in that order everywhere. */
  alive(): readonly LivingReplica[] {
    this.#alive ??= [this.#own(), ...this.#membership.others()].sort(eldestFirst);
    return this.#alive;
  }

  /** How old the last beat is of the replica whose last beat is the oldest, ms. */
  get longestSilence(): number {
    return this.#membership.longestSilence(this.options.clock.monotonic());
  }

  has(replica: string): boolean {
    return this.alive().some((each) => each.replica === replica);
  }

  /** Tells when the list has changed: who is there, or what somebody does. @returns what ends it */
  onChange(listener: (alive: readonly LivingReplica[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of replicas that begin, or were cut off, and want to be told everything. @returns what ends it */
  onAsked(listener: (from: string) => void): () => void {
    this.#askListeners.add(listener);
    return () => this.#askListeners.delete(listener);
  }

  /** From now on others know of this replica. */
  begin(): void {
    const { post, clock, logger } = this.options;
    this.#ends.push(
      post.hear(Beat, ({ asks, ...facts }, from) => {
        this.#noteChange(this.#membership.heard({ replica: from, ...facts }, clock.monotonic()));
        if (asks) this.#answer(from);
      }),
      post.hear(GoodBye, (_, from) =>
        this.#noteChange(this.#membership.left(from, clock.monotonic())),
      ),
      post.onChange((isUp) => {
        if (!isUp) return;
        this.#membership.pardon(clock.monotonic());
        this.#beat(true);
      }),
      repeat(async () => this.#turn(), {
        clock,
        pauseMs: BEAT_MS,
        onError: (error) => logger.error('other replicas not told', { error }),
      }),
    );
    this.tellOthers(true);
  }

  /** This replica does other things than before, or elsewhere: others hear of it now and not in a while. */
  tellOthers(asks = false): void {
    if (this.#ends.length === 0) return;
    this.#noteChange(true);
    this.#beat(asks);
  }

  /** Says good-bye. What others do is not looked at any more; the list stays as it is. */
  end(): void {
    if (this.#ends.length === 0) return;
    for (const end of this.#ends.splice(0)) end();
    this.options.post.tell(GoodBye, {});
  }

  #turn(): void {
    const { post, clock } = this.options;
    if (post.isUp) this.#noteChange(this.#membership.expire(clock.monotonic()));
    this.#beat(false);
  }

  #answer(from: string): void {
    this.#beat(false, from);
    for (const listener of this.#askListeners) listener(from);
  }

  #beat(asks: boolean, to?: string): void {
    const { roles, peer, startedAt } = this.#own();
    this.options.post.tell(Beat, { roles: [...roles], peer, startedAt, asks }, to);
  }

  #own(): LivingReplica {
    return { replica: this.self, startedAt: this.#startedAt, ...this.options.describe() };
  }

  #noteChange(changed: boolean): void {
    if (!changed) return;
    this.#alive = null;
    const alive = this.alive();
    for (const listener of this.#listeners) listener(alive);
  }
}
