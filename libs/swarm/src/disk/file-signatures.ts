import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { systemErrorCode } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';

import type { FileSignature } from './file-signature.js';

const MAGIC = Buffer.from('FSSIG001', 'latin1');
const HASH = 32;
const ENTRY = 8;
/** Stands for "not trusted"; a fingerprint that happens to be it counts as another value. */
const UNKNOWN = 0n;

/** What decides whether a file changed, as 64 bits: 20,000 files an artifact must cost little memory. */
export function fingerprintOf({ size, mtimeNs, ctimeNs, ino }: FileSignature): bigint {
  const fields = Buffer.alloc(32);
  fields.writeBigUInt64LE(BigInt(size), 0);
  fields.writeBigInt64LE(mtimeNs, 8);
  fields.writeBigInt64LE(ctimeNs, 16);
  fields.writeBigUInt64LE(ino, 24);
  const fingerprint = hash('sha256', fields, 'buffer').readBigUInt64LE(0);
  return fingerprint === UNKNOWN ? 1n : fingerprint;
}

/**
 * What each file of an installed tree looked like when its content was last known to be right. Kept
 * on disk as: magic, v2 info-hash, 8 bytes a file, SHA-256 over all of that.
 */
export class FileSignatures {
  readonly #fingerprints: BigUint64Array;

  /** All files are unknown at first. */
  constructor(readonly fileCount: number) {
    this.#fingerprints = new BigUint64Array(fileCount);
  }

  isKnown(file: number): boolean {
    return this.#fingerprints[file] !== UNKNOWN;
  }

  matches(file: number, signature: FileSignature): boolean {
    return this.isKnown(file) && this.#fingerprints[file] === fingerprintOf(signature);
  }

  set(file: number, signature: FileSignature): void {
    if (file >= this.fileCount) throw new RangeError(`No file ${file}`);
    this.#fingerprints[file] = fingerprintOf(signature);
  }

  forget(file: number): void {
    this.#fingerprints[file] = UNKNOWN;
  }

  /** @param infoHashV2 32 bytes; the file is good for this artifact only. */
  async save(path: string, infoHashV2: Uint8Array): Promise<void> {
    const body = Buffer.concat([MAGIC, infoHashV2, Buffer.alloc(this.fileCount * ENTRY)]);
    for (const [file, fingerprint] of this.#fingerprints.entries()) {
      body.writeBigUInt64LE(fingerprint, MAGIC.length + HASH + file * ENTRY);
    }
    await writeFileDurably(path, Buffer.concat([body, hash('sha256', body, 'buffer')]));
  }

  /** What was saved; nothing is known when the file is lacking, damaged or another artifact's. */
  static async load(
    path: string,
    infoHashV2: Uint8Array,
    fileCount: number,
  ): Promise<FileSignatures> {
    const signatures = new FileSignatures(fileCount);
    const bytes = await readFile(path).catch((error: unknown) => {
      if (systemErrorCode(error) === undefined) throw error;
      return Buffer.alloc(0);
    });
    const head = MAGIC.length + HASH;
    if (bytes.length !== head + fileCount * ENTRY + HASH) return signatures;
    const body = bytes.subarray(0, bytes.length - HASH);
    const intact =
      hash('sha256', body, 'buffer').equals(bytes.subarray(body.length)) &&
      body.subarray(0, MAGIC.length).equals(MAGIC) &&
      body.subarray(MAGIC.length, head).equals(infoHashV2);
    if (!intact) return signatures;
    for (let file = 0; file < fileCount; file++) {
      signatures.#fingerprints[file] = body.readBigUInt64LE(head + file * ENTRY);
    }
    return signatures;
  }
}
