import { FleetseedError } from '#lib/contracts';

import type { Chunks, Depot, PartedObject } from '../depot.js';

/** Verified bytes on their way to their place. */
export type ContentSource =
  /** An object of an upload; it is moved. */
  | { readonly object: string }
  /** Parts that are all there; they are committed, and moved if they were begun under another key. */
  | { readonly parted: PartedObject }
  | { readonly chunks: Chunks };

/**
 * Brings `length` bytes to `target`. May be repeated after an interruption at any point: what an
 * earlier try has committed or moved already counts as done.
 * @throws DEPOT_INTEGRITY if the source has another length or is neither here nor there.
 */
export async function bringContent(
  depot: Depot,
  source: ContentSource,
  target: string,
  length: number,
): Promise<void> {
  if ('chunks' in source) {
    await depot.putObject(target, source.chunks, { length });
    return;
  }
  const from = 'parted' in source ? source.parted.key : source.object;
  if ('parted' in source) await unlessDone('UPLOAD_NOT_FOUND', depot.commitParts(source.parted));
  if (from !== target) {
    const found = await depot.statObject(from);
    if (found) assertLength(from, found.length, length);
    await unlessDone('NOT_FOUND', depot.moveObject(from, target));
  }
  const arrived = await depot.statObject(target);
  assertLength(target, arrived?.length ?? 0, length);
}

/** Drops a source whose content is there already. */
export async function dropContent(depot: Depot, source: ContentSource): Promise<void> {
  if ('parted' in source) await depot.abortParts(source.parted);
  if ('object' in source) await depot.delete(source.object);
}

async function unlessDone(code: FleetseedError['code'], step: Promise<void>): Promise<void> {
  try {
    await step;
  } catch (error) {
    if (!(error instanceof FleetseedError) || error.code !== code) throw error;
  }
}

function assertLength(key: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new FleetseedError('DEPOT_INTEGRITY', 'Content is not as long as it was declared.', {
    key,
    expected,
    found,
  });
}
