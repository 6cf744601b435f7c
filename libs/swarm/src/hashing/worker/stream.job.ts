import type { HashJobDone, StreamJob } from '../hash-job.types.js';
import { readStretch, scratchBuffer } from './file-stretch.ts';
import { jobDone } from './job-done.ts';
import { feedZeros, PiecesV1 } from './pieces-v1.ts';

export function hashStream(job: StreamJob): HashJobDone {
  const pieces = new PiecesV1(job.pieceLengthV1);
  const buffer = scratchBuffer();
  const take = (count: number) => pieces.update(buffer.subarray(0, count));
  for (const { path, start, length } of job.segments) {
    if (path === null) feedZeros(length, (zeros) => pieces.update(zeros));
    else readStretch(path, start, length, take);
  }
  return jobDone({ second: pieces.finish() });
}
