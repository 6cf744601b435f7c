import type { FileSignature } from '../disk/file-signature.js';
import type { FileCopies, FileModes, FilesInMemory, SmallFiles } from '../disk/small-files.js';
import { signatureAt } from './file-digests.js';
import type { HashJob, HashJobDone } from './hash-job.types.js';

/** To look at a file takes about as long as to hash so much, bytes. */
const LOOK_BYTES = 8 * 1024;
const ROOT = 32;

/** Gives one job to a thread; payload that peers wait for is urgent. */
type RunJob = (job: HashJob, cost: number, urgent: boolean) => Promise<HashJobDone>;

/** {@link SmallFiles} by the threads that hash. */
export class SmallFileJobs implements SmallFiles {
  constructor(private readonly run: RunJob) {}

  async writeFiles(files: FilesInMemory): Promise<number> {
    const job = { kind: 'write-files' as const, files };
    return (await this.run(job, files.bytes.length, true)).files;
  }

  async readFiles(files: FilesInMemory): Promise<FileSignature[]> {
    const job = { kind: 'read-files' as const, files };
    return signaturesOf(await this.run(job, files.bytes.length, true));
  }

  async setModes(files: FileModes): Promise<number> {
    const job = { kind: 'set-modes' as const, files };
    return (await this.run(job, files.paths.length * LOOK_BYTES, false)).files;
  }

  async copyFiles(copies: FileCopies): Promise<Buffer[]> {
    const bytes = copies.lengths.reduce((sum, length) => sum + length, 0);
    const { first, files } = await this.run({ kind: 'copy-files', copies }, bytes, false);
    const roots = Buffer.from(first.buffer, first.byteOffset, first.length);
    return Array.from({ length: files }, (_, at) => roots.subarray(at * ROOT, (at + 1) * ROOT));
  }

  async lookAt(paths: readonly string[]): Promise<(FileSignature | null)[]> {
    const job = { kind: 'look' as const, paths };
    const signatures = signaturesOf(await this.run(job, paths.length * LOOK_BYTES, false));
    return signatures.map((signature) => (signature.ino === 0n ? null : signature));
  }
}

function signaturesOf({ signatures, files }: HashJobDone): FileSignature[] {
  return Array.from({ length: files }, (_, file) => signatureAt(signatures, file));
}
