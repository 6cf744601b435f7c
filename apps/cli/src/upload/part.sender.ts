import { webcrypto } from 'node:crypto';

import { CONTENT_DIGEST_HEADER, PART_ROOT_HEADER, type HttpClient } from '#lib/contracts';
import { ioBuffer, retry, Unrecoverable } from '#lib/runtime';

import { putPart } from './part.door.js';
import { mayPass, PATIENCE } from './passing-errors.js';
import type { PlannedPart } from './upload-plan.js';

export interface SendOptions {
  readonly upload: string;
  /** A new client with connections of its own. */
  readonly open: () => HttpClient;
  /** Requests under way at once; each has its part in memory. */
  readonly parallel: number;
  /** Reads a part into memory that is at least as long. */
  readonly read: (part: PlannedPart, room: Buffer) => Promise<Buffer>;
  /** Merkle root of a part of a longer file; null when it is not known. */
  readonly rootOf: (part: PlannedPart) => Buffer | null;
  readonly onSent: (bytes: number) => void;
  readonly onRetry: (error: unknown, delayMs: number) => void;
  readonly signal: AbortSignal;
}

/** A slow line has this many bytes a second at least; a part gets its time by it. */
const SLOWEST_BYTES_PER_MS = 32;
const LEAST_TIMEOUT_MS = 60_000;

/**
 * Sends parts, several at a time. A part that fails in a way that may pass is read and sent again
 * after a growing delay, over a new connection; anything else ends all of it.
 *
 * @throws the first error that does not pass
 */
export async function sendParts(parts: Iterable<PlannedPart>, options: SendOptions): Promise<void> {
  const queue = parts[Symbol.iterator]();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const lanes = Array.from({ length: options.parallel }, () => new Lane(options, signal));
  const runs = lanes.map((lane) => lane.run(queue));
  try {
    await Promise.all(runs);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(runs);
    throw error;
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** One part after the other over one connection. */
class Lane {
  private client: HttpClient | null = null;
  /**
   * For one part after the other: new memory for each would have to be cleared by the system, and a
   * heap with so much beside it is collected again and again.
   */
  private room: Buffer = Buffer.alloc(0);

  constructor(
    private readonly options: SendOptions,
    private readonly signal: AbortSignal,
  ) {}

  async run(queue: Iterator<PlannedPart>): Promise<void> {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      await this.#send(next.value);
      this.options.onSent(next.value.length);
    }
  }

  async close(): Promise<void> {
    const client = this.client;
    this.client = null;
    await client?.close();
  }

  async #send(part: PlannedPart): Promise<void> {
    const { signal } = this;
    const onRetry = (error: unknown, _attempt: number, delayMs: number) =>
      this.options.onRetry(error, delayMs);
    await retry(
      async () => {
        try {
          await this.#once(part);
        } catch (error) {
          await this.close();
          const isFinal = error instanceof Unrecoverable;
          throw isFinal || mayPass(error) ? error : new Unrecoverable(error);
        }
      },
      { ...PATIENCE, signal, onRetry },
    );
  }

  /** What cannot be read here is no trouble of the line, and stays so. */
  async #read(part: PlannedPart): Promise<Buffer> {
    try {
      if (this.room.length < part.length) this.room = ioBuffer(part.length);
      return await this.options.read(part, this.room);
    } catch (error) {
      throw new Unrecoverable(error);
    }
  }

  /** What the header says of a part. Whole files need no word: the origin knows their roots. */
  async #claim(part: PlannedPart, bytes: Buffer): Promise<Record<string, string>> {
    if (part.partBytes === null || part.direct) return {};
    const root = this.options.rootOf(part);
    if (root) return { [PART_ROOT_HEADER]: root.toString('hex') };
    // Web Crypto hashes on another thread, so that the other lanes go on sending.
    const digest = Buffer.from(
      await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>),
    );
    return { [CONTENT_DIGEST_HEADER]: `sha-256=:${digest.toString('base64')}:` };
  }

  async #once(part: PlannedPart): Promise<void> {
    const bytes = await this.#read(part);
    const claim = await this.#claim(part, bytes);
    this.client ??= this.options.open();
    await putPart(this.client, {
      upload: this.options.upload,
      part,
      bytes,
      claim,
      timeoutMs: LEAST_TIMEOUT_MS + Math.ceil(part.length / SLOWEST_BYTES_PER_MS),
      signal: this.signal,
    });
  }
}
