import type { FilesJob, HashJobDone } from '../hash-job.types.js';
import { changed, readStretch, scratchBuffer } from './file-stretch.ts';
import { jobDone } from './job-done.ts';
import { BLOCK, LEAF } from './merkle-nodes.ts';
import { NodeWriter } from './node-writer.ts';
import { PiecesV1 } from './pieces-v1.ts';

export function hashFiles(job: FilesJob): HashJobDone {
  const { paths, starts, lengths, fileLengths, leavesPerNode, pieceLengthV1 } = job;
  let nodeCount = 0;
  for (const length of lengths) nodeCount += Math.ceil(length / (leavesPerNode * BLOCK));
  const first = Buffer.alloc(nodeCount * LEAF);
  const signatures = new BigInt64Array(paths.length * 4);
  const buffer = scratchBuffer();
  const nodes = new NodeWriter(first, leavesPerNode);
  const pieces = pieceLengthV1 > 0 ? new PiecesV1(pieceLengthV1) : null;
  const take = (count: number) => {
    nodes.take(count);
    pieces?.update(buffer.subarray(0, count));
  };
  for (const [index, path] of paths.entries()) {
    const end = starts[index]! + lengths[index]!;
    const signature = readStretch(path, starts[index]!, lengths[index]!, take);
    if (signature[0] !== BigInt(fileLengths[index]!)) throw changed(path);
    signatures.set(signature, index * 4);
    nodes.endFile(fileLengths[index]!);
    if (job.padV1 && end === fileLengths[index]) pieces?.pad();
    pieces?.end();
  }
  return jobDone({ first, signatures, ...(pieces && { second: pieces.finish() }) });
}
