/** Longest text that is carried, in UTF-16 units; what is longer is the caller's to divide. */
export const MAX_BUS_TEXT = 1024 * 1024;

/** What is heard: a text, and the id of the replica that published it. */
export type BusListener = (text: string, from: string) => void;

/**
 * The door between the replicas of one fleet: short texts to all others, or to one of them.
 *
 * - What it carries are hints. The depot has the truth, and a text may be lost at any moment without
 *   a word to its sender: whoever needs to know looks again by itself.
 * - A replica never hears itself. Texts of one sender arrive in the order they were published, at
 *   most once, and never while `publish` runs.
 * - `publish` neither waits nor fails because nobody is there; while the bus is down it drops.
 * - `isUp` is true while texts are known to get through in both directions. After it was false for
 *   a moment texts were probably lost: `onChange(true)` is the time to tell and to ask everything again.
 * - Whoever may use the bus is believed to be a replica; what it says is checked for its form and size,
 *   and is no reason to hand out a secret or to delete anything.
 */
export interface ReplicaBus {
  /** The id of this replica: random per process. */
  readonly self: string;
  readonly isUp: boolean;
  /** There can be no others: nothing that only others could have changed need be looked at again. */
  readonly isLonely: boolean;
  /**
   * @param to the replica that is meant; all others without it.
   * @throws RangeError for a text longer than {@link MAX_BUS_TEXT}
   */
  publish(text: string, to?: string): void;
  /** @returns what ends it */
  subscribe(listener: BusListener): () => void;
  /** Tells when `isUp` changes. @returns what ends it */
  onChange(listener: (isUp: boolean) => void): () => void;
  /** Nothing is heard or carried after it; what was published before is still sent if it can be. */
  close(): Promise<void>;
}

/** @throws RangeError */
export function checkBusText(text: string): void {
  if (text.length <= MAX_BUS_TEXT) return;
  throw new RangeError(`A text of ${text.length} characters is too long for the bus.`);
}
