/*
 * The thread that hashes, and moves small files. This file is the entry of a worker and runs from source as well as from
 * dist, and with it what lies in worker/: they import nothing but each other, by the name of the source,
 * Node's own modules and types, and keep to erasable TypeScript.
 * Digests are taken as latin1 strings: writing one into a buffer costs a third of making a Buffer.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import type { HashJob, HashJobDone, HashJobFailed, HashJobOutcome } from './hash-job.types.js';
import { hashFiles } from './worker/files.job.ts';
import { jobDone } from './worker/job-done.ts';
import { rootOf } from './worker/merkle-nodes.ts';
import { hashOrdered } from './worker/ordered.job.ts';
import { hashSlicesV1 } from './worker/pieces-v1.ts';
import {
  copySmallFiles,
  lookAtFiles,
  readSmallFiles,
  setFileModes,
  writeSmallFiles,
} from './worker/small-files.job.ts';
import { hashSpan } from './worker/span.job.ts';
import { hashStream } from './worker/stream.job.ts';

/** Runs one job on the calling thread. @throws what hashing or reading throws */
export function runHashJob(job: HashJob): HashJobDone {
  switch (job.kind) {
    case 'span':
      return hashSpan(job);
    case 'span-v1':
      return jobDone({ first: hashSlicesV1(job.bytes, job.lengths, job.padding) });
    case 'root':
      return jobDone({ first: rootOf(Buffer.from(job.leaves), job.paddedLeaves) });
    case 'stream':
      return hashStream(job);
    case 'files':
      return hashFiles(job);
    case 'ordered':
      return hashOrdered(job);
    case 'read-files':
      return readSmallFiles(job.files);
    case 'write-files':
      return writeSmallFiles(job.files);
    case 'set-modes':
      return setFileModes(job.files);
    case 'copy-files':
      return copySmallFiles(job.copies);
    case 'look':
      return lookAtFiles(job.paths);
  }
}

function failureOf(thrown: unknown): HashJobFailed {
  if (!(thrown instanceof Error)) return { message: String(thrown), code: null, path: null };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
  const path = 'path' in thrown && typeof thrown.path === 'string' ? thrown.path : null;
  return { message: thrown.message, code, path };
}

/** Like {@link runHashJob}, with a failure as a value: errors lose their fields between threads. */
export function outcomeOf(job: HashJob): HashJobOutcome {
  try {
    return { ok: true, done: runHashJob(job) };
  } catch (thrown) {
    return { ok: false, failed: failureOf(thrown) };
  }
}

if (!isMainThread && parentPort && workerData === 'fleetseed-hash-worker') {
  const port = parentPort;
  port.on('message', (jobs: readonly HashJob[]) => port.postMessage(jobs.map(outcomeOf)));
}
