import { z } from 'zod';

import { TargetId } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import type { ReplicaBoard } from '../replicas/replica-board.js';
import type { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import type { IdentityClaim, IdentityClaims } from './identity-claims.js';
import { duplicateIdentity, type Presence } from './presence.js';

/** An instance came to a replica that had not seen it. */
const InstanceHere = replicaTopic(
  'instance-here',
  z.object({ target: TargetId, instance: z.string().max(64) }),
);

/** What was granted is not asked again for so long, ms: agents ask for something every second. */
const GRANTED_MS = 5000;

export interface InstanceGuardOptions {
  readonly presence: Presence;
  /** What replicas share; null for one that is alone. */
  readonly claims: IdentityClaims | null;
  readonly post: ReplicaPost;
  readonly board: ReplicaBoard;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Granted {
  readonly instance: string;
  /** Ms of the monotonic clock. */
  readonly until: number;
}

/**
 * Lets one instance of each target in. Replicas agree through their shared claims; while those are away
 * each goes by what it has seen itself, so that nobody is locked out by what a dead replica knew.
 */
export class InstanceGuard {
  readonly #granted = new Map<string, Granted>();
  /** Streams whose end could not be told: others would wait for it. By target: the instance. */
  readonly #untold = new Map<string, string>();
  readonly #backListeners = new Set<() => void>();
  readonly #ends: (() => void)[] = [];

  constructor(private readonly options: InstanceGuardOptions) {
    const { post, claims } = options;
    this.#ends.push(
      post.hear(InstanceHere, ({ target, instance }) => {
        if (this.#granted.get(target)?.instance !== instance) this.#granted.delete(target);
      }),
      post.onChange((isUp) => {
        if (isUp) this.#back();
      }),
    );
    if (claims) this.#ends.push(claims.onBack(() => this.#back()));
  }

  /**
   * A proven request of the instance came in, with a session that ends at `sessionEndsAt`.
   * @throws DUPLICATE_IDENTITY while another instance holds the identity
   */
  async admit(target: string, instance: string, sessionEndsAt: number): Promise<void> {
    const { presence, clock } = this.options;
    const granted = this.#isGranted(target, instance)
      ? true
      : await this.#claim({ target, instance, stream: null });
    if (granted === null) return presence.seen(target, instance, clock.now(), sessionEndsAt);
    if (!granted) throw duplicateIdentity(target);
    presence.take(target, instance, clock.now(), sessionEndsAt);
  }

  /**
   * The instance has an event stream here. To be said again at every ping.
   * @returns false when another instance has the identity
   */
  async streamIsOpen(target: string, instance: string): Promise<boolean> {
    const granted = await this.#claim({ target, instance, stream: 'open' });
    const { presence, clock } = this.options;
    return granted ?? presence.hasSession(target, instance, clock.now());
  }

  /**
   * An event stream of the instance at this replica has ended. With its last one here others may have
   * the identity at once, so that what was granted to it a moment ago does not count any more.
   */
  streamClosed(target: string, instance: string): void {
    const { claims, presence } = this.options;
    if (claims === null) return;
    if (presence.instanceOf(target) === instance && presence.streamsHere(target) > 0) return;
    if (this.#granted.get(target)?.instance === instance) this.#granted.delete(target);
    void this.#claim({ target, instance, stream: 'closed' }).then((granted) => {
      if (granted === null) this.#untold.set(target, instance);
    });
  }

  /**
   * Tells when replicas agree again that could not for a while, in which claims may have been lost: who
   * has a stream should say so before another instance comes. @returns what ends it
   */
  onBack(listener: () => void): () => void {
    this.#backListeners.add(listener);
    return () => this.#backListeners.delete(listener);
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    this.options.claims?.close();
  }

  #isGranted(target: string, instance: string): boolean {
    const granted = this.#granted.get(target);
    return granted?.instance === instance && granted.until > this.options.clock.monotonic();
  }

  /** @returns null when nobody can say */
  async #claim(
    claim: Pick<IdentityClaim, 'target' | 'instance' | 'stream'>,
  ): Promise<boolean | null> {
    const { claims, post, board, clock, logger } = this.options;
    if (claims === null || !post.isUp) return null;
    const alive = board.alive().map(({ replica }) => replica);
    try {
      const isGranted = await claims.claim({ ...claim, replica: post.self, alive });
      if (isGranted && claim.stream !== 'closed') this.#note(claim.target, claim.instance);
      else this.#granted.delete(claim.target);
      return isGranted;
    } catch (error) {
      logger.debug('identity not claimed', { target: claim.target, error });
      return null;
    } finally {
      if (claim.stream === 'open') this.#untold.delete(claim.target);
      this.#trim(clock.monotonic());
    }
  }

  #note(target: string, instance: string): void {
    const { post, presence, clock } = this.options;
    const until = clock.monotonic() + GRANTED_MS;
    // In the order of their ends.
    this.#granted.delete(target);
    this.#granted.set(target, { instance, until });
    if (presence.instanceOf(target) !== instance) post.tell(InstanceHere, { target, instance });
  }

  #trim(now: number): void {
    for (const [target, { until }] of this.#granted) {
      if (until > now) return;
      this.#granted.delete(target);
    }
  }

  #back(): void {
    // Of the bus and the claims one is back earlier; with the second there is nothing in the way.
    if (!this.options.post.isUp) return;
    for (const listener of this.#backListeners) listener();
    this.#tellEnds();
  }

  #tellEnds(): void {
    const untold = [...this.#untold];
    this.#untold.clear();
    for (const [target, instance] of untold) this.streamClosed(target, instance);
  }
}
