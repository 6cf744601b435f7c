import { hash } from 'node:crypto';

import type { HashJobDone, SpanJob } from '../hash-job.types.js';
import { jobDone } from './job-done.ts';
import { BLOCK, LEAF, rootOf } from './merkle-nodes.ts';
import { SHA1 } from './pieces-v1.ts';
import { writeFully } from './write-fully.ts';

export function hashSpan({
  bytes,
  lengths,
  paddedLeaves: padded,
  sha1,
  file,
}: SpanJob): HashJobDone {
  let blocks = 0;
  for (const length of lengths) blocks += Math.ceil(length / BLOCK);
  const leaves = Buffer.alloc(blocks * LEAF);
  const rootBytes = lengths.length * LEAF;
  const second = Buffer.alloc(rootBytes + (sha1 ? lengths.length * SHA1 : 0));
  let offset = 0;
  let leaf = 0;
  for (let slice = 0; slice < lengths.length; slice++) {
    const end = offset + lengths[slice]!;
    const first = leaf;
    for (; offset < end; offset += BLOCK) {
      const block = bytes.subarray(offset, Math.min(offset + BLOCK, end));
      leaves.write(hash('sha256', block, 'binary'), leaf++ * LEAF, LEAF, 'latin1');
    }
    offset = end;
    if (padded[slice]! > 0) {
      const ofSlice = leaves.subarray(first * LEAF, leaf * LEAF);
      rootOf(ofSlice, padded[slice]!).copy(second, slice * LEAF);
    }
    if (sha1) {
      const whole = bytes.subarray(end - lengths[slice]!, end);
      second.write(hash('sha1', whole, 'binary'), rootBytes + slice * SHA1, SHA1, 'latin1');
    }
  }
  if (file) writeFully(file, bytes);
  return jobDone({ first: leaves, second });
}
