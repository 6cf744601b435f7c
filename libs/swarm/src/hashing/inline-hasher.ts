import type { HashJob, HashJobDone } from './hash-job.types.js';
import { runHashJob } from './hash-worker.js';
import type { SpanCut, SpanHasher, SpanHashes } from './span-hasher.js';

/** Hashes on the calling thread: for simulation and tests, where threads would bring real time in. */
export class InlineHasher implements SpanHasher {
  async hashSpan(bytes: Uint8Array<SharedArrayBuffer>, cut: SpanCut): Promise<SpanHashes> {
    const { lengths, paddedLeaves } = cut;
    const done = run({ kind: 'span', bytes, lengths, paddedLeaves, sha1: false, file: null });
    return { leaves: Buffer.from(done.first), roots: Buffer.from(done.second) };
  }

  async hashSpanV1(
    bytes: Uint8Array<SharedArrayBuffer>,
    lengths: Uint32Array,
    padding?: Uint32Array,
  ): Promise<Buffer> {
    return Buffer.from(run({ kind: 'span-v1', bytes, lengths, padding: padding ?? null }).first);
  }

  async merkleRoot(leaves: Uint8Array, paddedLeaves: number): Promise<Buffer> {
    return Buffer.from(run({ kind: 'root', leaves, paddedLeaves }).first);
  }
}

function run(job: HashJob): HashJobDone {
  return runHashJob(job);
}
