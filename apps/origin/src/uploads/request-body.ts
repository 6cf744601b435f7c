import type { IncomingMessage } from 'node:http';

import { FleetseedError } from '#lib/contracts';

import { senderGone, type BodySource } from './body-source.js';

interface Filling {
  readonly into: Buffer;
  at: number;
  readonly filled: (count: number) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The body of a request. What comes is put where it belongs at the event that brings it: the promises
 * of an iterator for each 64 KiB would cost as much as receiving them.
 *
 * Who stops in the middle leaves the connection as it is: the sender is to read why it was refused.
 */
export class RequestBody implements BodySource {
  #rest: Buffer | null = null;
  #filling: Filling | null = null;
  #ended = false;
  #gone: FleetseedError | null = null;

  constructor(private readonly request: IncomingMessage) {
    request.pause();
    // One that is destroyed already has told that before.
    if (request.destroyed && !request.readableEnded) this.#gone = senderGone(request.errored);
    request
      .on('data', this.#take)
      .on('end', () => this.#end())
      .on('error', (error) => this.#fail(error))
      .on('close', () => this.#fail(null));
  }

  async fill(into: Uint8Array): Promise<number> {
    const view = Buffer.from(into.buffer, into.byteOffset, into.length);
    const at = this.#rest ? this.#copy(this.#rest, view, 0) : 0;
    if (at === view.length || this.#ended) return at;
    if (this.#gone) throw this.#gone;
    return new Promise((filled, failed) => {
      this.#filling = { into: view, at, filled, failed };
      this.request.resume();
    });
  }

  /** What is still to come is of no use; it has to leave the connection before the next request does. */
  discard(): void {
    this.request.off('data', this.#take);
    this.#rest = null;
    this.request.resume();
  }

  readonly #take = (chunk: Buffer): void => {
    const filling = this.#filling;
    if (!filling) {
      // Nothing comes while it is paused, unless others let it: what they took would be missing.
      this.#gone ??= new FleetseedError('INTERNAL', 'A body is read by others as well.');
      return;
    }
    filling.at += this.#copy(chunk, filling.into, filling.at);
    if (filling.at < filling.into.length) return;
    this.request.pause();
    this.#settle(filling);
  };

  /** @returns how much of a chunk there was room for; what is left is kept, and memory of no use given up */
  #copy(chunk: Buffer, into: Buffer, at: number): number {
    const count = chunk.copy(into, at);
    this.#rest = count < chunk.length ? chunk.subarray(count) : null;
    if (count === chunk.length) giveUp(chunk);
    return count;
  }

  #settle(filling: Filling): void {
    this.#filling = null;
    filling.filled(filling.at);
  }

  #end(): void {
    this.#ended = true;
    if (this.#filling) this.#settle(this.#filling);
  }

  #fail(cause: Error | null): void {
    if (this.#ended) return;
    this.#gone ??= senderGone(cause);
    this.#filling?.failed(this.#gone);
    this.#filling = null;
  }
}

/**
 * Frees the memory of a chunk now instead of when it is collected. A gibibyte of small buffers that
 * wait for the collector makes it run over the whole heap again and again: three times the work.
 */
function giveUp(chunk: Buffer): void {
  const { buffer } = chunk;
  const isAlone = chunk.byteOffset === 0 && chunk.length === buffer.byteLength;
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
