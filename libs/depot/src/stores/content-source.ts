import type { Chunks, Depot, PartedObject } from '../depot.js';

/** Verified bytes on their way to their place. */
export type ContentSource =
  /** An object of an upload; it is moved. */
  | { readonly object: string }
  /** Parts that are all there; they are committed, and moved if they were begun under another key. */
  | { readonly parted: PartedObject }
  | { readonly chunks: Chunks };

/** The length of what is under `key`, or null. */
export async function lengthOf(depot: Depot, key: string): Promise<number | null> {
  return (await depot.statObject(key))?.length ?? null;
}
