import type { HashJobDone } from '../hash-job.types.js';

const EMPTY: HashJobDone = {
  first: Buffer.alloc(0),
  second: Buffer.alloc(0),
  signatures: new BigInt64Array(0),
  files: 0,
};

/** What a job gives; what it does not give is empty. */
export function jobDone(given: Partial<HashJobDone>): HashJobDone {
  return { ...EMPTY, ...given };
}
