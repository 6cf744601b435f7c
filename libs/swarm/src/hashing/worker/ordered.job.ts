import { createHash, type Hash } from 'node:crypto';

import type { HashJobDone, OrderedJob } from '../hash-job.types.js';
import { READ_AT_ONCE } from './file-stretch.ts';
import { jobDone } from './job-done.ts';
import { PiecesV1 } from './pieces-v1.ts';

interface Ordered {
  readonly whole: Hash | null;
  readonly pieces: PiecesV1 | null;
}

const ordered = new Map<number, Ordered>();

export function hashOrdered({ id, bytes, digest, pieceLengthV1, last }: OrderedJob): HashJobDone {
  let state = ordered.get(id);
  if (!state) {
    state = {
      whole: digest ? createHash('sha256') : null,
      pieces: pieceLengthV1 > 0 ? new PiecesV1(pieceLengthV1) : null,
    };
    ordered.set(id, state);
  }
  const { whole, pieces } = state;
  // In parts, so that what one hash has read is in the cache for the other.
  for (let at = 0; at < bytes.length; at += READ_AT_ONCE) {
    const part = bytes.subarray(at, at + READ_AT_ONCE);
    whole?.update(part);
    pieces?.update(part);
  }
  if (!last) return jobDone({});
  ordered.delete(id);
  return jobDone({
    ...(whole && { first: whole.digest() }),
    ...(pieces && { second: pieces.finish() }),
  });
}
