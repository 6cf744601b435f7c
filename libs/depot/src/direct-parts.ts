import type { PartedObject } from './depot.js';

/**
 * Parts that go to the depot's store without passing through this process: whoever holds the URL of a
 * part may PUT it. What comes in so is not verified by anybody, so it belongs under `uploads/`, and
 * is read back before it is believed. Once committed, no URL changes it any more.
 */
export interface DirectParts {
  /** As `Depot.beginParts`. */
  begin(key: string, length: number, partLength: number): Promise<PartedObject>;
  /**
   * Where part `index` is PUT to, with exactly its bytes, for the next `seconds`.
   * @throws PART_INVALID; REQUEST_INVALID for more than seven days
   */
  urlOf(parted: PartedObject, index: number, seconds: number): Promise<string>;
  /** The parts that are there in their full length. @throws UPLOAD_NOT_FOUND once committed or aborted. */
  list(parted: PartedObject): Promise<number[]>;
  /** As `Depot.commitParts`. */
  commit(parted: PartedObject): Promise<void>;
  /** As `Depot.abortParts`. */
  abort(parted: PartedObject): Promise<void>;
}
