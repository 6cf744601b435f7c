import { hash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

import { systemErrorCode } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';

const MAGIC = Buffer.from('FSRES001', 'latin1');
const HASH = 32;

export interface ResumeFileOptions {
  readonly path: string;
  /** 32 bytes: a resume file is good for this artifact only. */
  readonly infoHashV2: Uint8Array;
  readonly clock: Clock;
  readonly logger: Logger;
  /** No more often than this is it written, milliseconds; 500 by default. */
  readonly paceMs?: number;
}

/**
 * Remembers which pieces of a download were verified, so that a process that was killed need not
 * fetch them again. Layout: magic, v2 info-hash, bitfield, SHA-256 over all of that.
 *
 * It is replaced by rename and never synced: a process may be killed at any time without harm to it,
 * and after a power cut pieces may be claimed whose bytes are lost. So what it claims are candidates,
 * which the caller hashes again.
 */
export class ResumeFile {
  #pending: Bitfield | null = null;
  #cancelTimer: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(private readonly options: ResumeFileOptions) {}

  /** What was saved; none when the file is lacking, damaged, another artifact's or of another size. */
  async load(pieceCount: number): Promise<Bitfield> {
    const bytes = await readFile(this.options.path).catch((error: unknown) => {
      if (systemErrorCode(error) === undefined) throw error;
      return null;
    });
    const none = new Bitfield(pieceCount);
    const head = MAGIC.length + HASH;
    if (bytes?.length !== head + Math.ceil(pieceCount / 8) + HASH) return none;
    const body = bytes.subarray(0, bytes.length - HASH);
    const intact =
      hash('sha256', body, 'buffer').equals(bytes.subarray(body.length)) &&
      body.subarray(0, MAGIC.length).equals(MAGIC) &&
      body.subarray(MAGIC.length, head).equals(this.options.infoHashV2);
    return intact ? Bitfield.fromBuffer(body.subarray(head), pieceCount) : none;
  }

  /** Tells that `verified` has changed. It is read when it is written, within the pace. */
  changed(verified: Bitfield): void {
    this.#pending = verified;
    this.#cancelTimer ??= this.options.clock.setTimer(this.options.paceMs ?? 500, () => {
      this.#cancelTimer = null;
      void this.flush();
    });
  }

  /** Writes what is pending now. A failure is logged: the download goes on without. */
  async flush(): Promise<void> {
    const verified = this.#pending;
    this.#pending = null;
    if (verified) this.#writing = this.#writing.then(() => this.#write(verified));
    await this.#writing;
  }

  /** Writes what is pending and stops. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.flush();
  }

  /** Stops and removes the file: the download is complete. */
  async remove(): Promise<void> {
    this.#pending = null;
    await this.close();
    await rm(this.options.path, { force: true });
  }

  async #write(verified: Bitfield): Promise<void> {
    const { path, infoHashV2, logger } = this.options;
    const body = Buffer.concat([MAGIC, infoHashV2, verified.toBuffer()]);
    try {
      await writeFile(`${path}.tmp`, Buffer.concat([body, hash('sha256', body, 'buffer')]));
      await rename(`${path}.tmp`, path);
    } catch (error) {
      logger.warn('resume file not written', { path, error });
    }
  }
}
