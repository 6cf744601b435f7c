import { setTimeout as sleep } from 'node:timers/promises';

import type { S3Client } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';
import { backoffDelay, systemRandom, Unrecoverable } from '#lib/runtime';

import { S3Connections } from './s3-connections.js';
import { failureOf, s3Error } from './s3-errors.js';
import { USUAL_PATIENCE, type S3DepotOptions, type S3Patience } from './s3-options.js';

const USUAL_CONNECTIONS = 128;
/** A store that copies more slowly is taken for dead. */
const SERVER_SIDE_BYTES_PER_MS = 20_000;

/** One try of a request. */
export interface S3Try {
  readonly client: S3Client;
  /** Aborts when the try takes too long, when its caller gives up, or when the depot closes. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly number: number;
  /** Ends the try; `run` then throws what the action throws. */
  readonly abort: (reason: unknown) => void;
  /** The time that this try may take begins anew, or stands still while somebody else is waited for. */
  readonly watch: { restart(): void; pause(): void };
}

export interface S3TryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether bodies go over the connection. */
  readonly body?: boolean;
  /** Whether the first try, too, takes a connection of its own: an earlier one has broken. */
  readonly fresh?: boolean;
  /** Instead of the usual time for one try. */
  readonly timeoutMs?: number;
}

/** The way to one bucket: requests are tried again while that may help, each time differently. */
export class S3Door {
  readonly bucket: string;
  readonly #connections: S3Connections;
  readonly #patience: S3Patience;
  readonly #root: string;
  readonly #closing = new AbortController();

  constructor(options: S3DepotOptions) {
    this.bucket = options.bucket;
    this.#root = options.prefix ? `${options.prefix}/` : '';
    this.#patience = { ...USUAL_PATIENCE, ...options.patience };
    this.#connections = new S3Connections(options, options.connections ?? USUAL_CONNECTIONS);
  }

  get skewMs(): number | null {
    return this.#connections.skewMs;
  }

  get signer(): S3Client {
    return this.#connections.signer;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get timeoutMs(): number {
    return this.#patience.timeoutMs;
  }

  /** For what the store does by itself with so many bytes: it may be silent meanwhile. */
  timeoutFor(bytes: number): number {
    return this.timeoutMs + Math.ceil(bytes / SERVER_SIDE_BYTES_PER_MS);
  }

  /** Where a key of the depot is in the bucket. */
  at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.#root + key };
  }

  /** The key of the depot that an object of the bucket is. */
  keyOf(name: string): string {
    return name.slice(this.#root.length);
  }

  /**
   * Runs `action` until it succeeds. Failures that a new try may mend are tried again, over a new
   * connection and later each time; `action` handles those that mean something to it.
   * @throws FleetseedError; what `Unrecoverable` carries; what the caller's signal says when that aborts
   */
  async run<T>(
    key: string,
    action: (attempt: S3Try) => Promise<T>,
    options: S3TryOptions = {},
  ): Promise<T> {
    const outer = options.signal
      ? AbortSignal.any([options.signal, this.closing])
      : this.#closing.signal;
    const began = performance.now();
    for (let number = 1; ; number++) {
      outer.throwIfAborted();
      try {
        return await this.#once(number, action, outer, options);
      } catch (error) {
        if (error instanceof Unrecoverable) throw error.reason;
        outer.throwIfAborted();
        const late = performance.now() - began >= this.#patience.totalMs;
        if (failureOf(error) !== 'passing' || late) throw s3Error(error, key);
        await this.#pause(number, outer);
      }
    }
  }

  close(reason: FleetseedError): void {
    this.#closing.abort(reason);
  }

  /** After `close`, when nothing runs any more. */
  destroy(): void {
    this.#connections.close();
  }

  async #once<T>(
    number: number,
    action: (attempt: S3Try) => Promise<T>,
    outer: AbortSignal,
    { body = false, fresh = false, timeoutMs = this.#patience.timeoutMs }: S3TryOptions,
  ): Promise<T> {
    const connections = this.#connections;
    const attempt = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const watch = {
      restart() {
        clearTimeout(timer);
        timer = setTimeout(() => attempt.abort(lateError(timeoutMs)), timeoutMs);
      },
      pause() {
        clearTimeout(timer);
      },
    };
    const signal = AbortSignal.any([outer, attempt.signal]);
    const usual = body ? connections.bodies : connections.documents;
    const client = number > 1 || fresh ? connections.fresh : usual;
    watch.restart();
    try {
      return await action({
        client,
        signal,
        number,
        watch,
        abort: (reason) => attempt.abort(reason),
      });
    } catch (error) {
      const { aborted, reason } = attempt.signal as { aborted: boolean; reason: unknown };
      // A connection in the middle of something is of no use to the next request.
      attempt.abort(error);
      // Why a request was aborted says more than that it was.
      throw aborted && !isOurs(error) ? reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #pause(number: number, signal: AbortSignal): Promise<void> {
    const { backoffStartMs: startMs, backoffLimitMs: limitMs } = this.#patience;
    const delay = backoffDelay(number, { startMs, limitMs, random: systemRandom });
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof FleetseedError || error instanceof Unrecoverable;
}

function lateError(timeoutMs: number): Error {
  const error = new Error(`The store was silent for ${timeoutMs} ms.`);
  error.name = 'TimeoutError';
  return error;
}
