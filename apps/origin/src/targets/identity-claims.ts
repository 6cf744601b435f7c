/** An instance says that it is there. */
export interface IdentityClaim {
  readonly target: string;
  /** Random per start of the agent. */
  readonly instance: string;
  /** Where it was seen. */
  readonly replica: string;
  /**
   * `open`: it has an event stream at this replica, said again at least every 15 seconds; `closed`: it
   * has none there any more; null: a request came in, which says nothing of streams.
   */
  readonly stream: 'open' | 'closed' | null;
  /** Replicas that are alive: streams at others have ended with them. */
  readonly alive: readonly string[];
}

/** For so long after a request an instance holds its identity without a stream, ms. */
export const CLAIM_HOLD_MS = 15_000;
/** For so long an open stream is believed, ms: two of its signs may be lost. */
export const CLAIM_STREAM_MS = 40_000;

/**
 * Which instance of each target is there, for all replicas together. Soft: what is lost is claimed again
 * by those who are there.
 *
 * - The instance that has the identity is always granted it, wherever it was before.
 * - Another one is granted it when no replica that is alive has a stream of the first and its last
 *   request is 15 seconds ago; at once when its last stream was closed.
 * - Of two that claim a free identity one gets it.
 * - `closed` changes nothing for an instance that has not the identity.
 */
export interface IdentityClaims {
  /**
   * @returns whether the instance has the identity now
   * @throws when the answer cannot be had
   */
  claim(claim: IdentityClaim): Promise<boolean>;
  /** Tells when claims can be made that could not be. @returns what ends it */
  onBack(listener: () => void): () => void;
  close(): void;
}
