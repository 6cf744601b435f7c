import { setTimeout as sleep } from 'node:timers/promises';

import { FleetseedError } from '#lib/contracts';
import { backoffDelay, systemRandom, type Random } from '#lib/runtime';

import { passing, unavailable } from './passing-errors.js';
import type { RemoteContent, RemoteSource } from './remote.source.js';

export interface SteadyOptions {
  readonly signal: AbortSignal;
  /** More than this is not taken. */
  readonly maxBytes: number;
  readonly backoff: { readonly startMs: number; readonly limitMs: number };
  /** A source that stands still for so long, or brings less than `LEAST_BYTES` in it, has broken off. */
  readonly silenceMs: number;
  readonly random?: Random;
  readonly onBreak?: (error: unknown, at: number) => void;
}

/** Breaks in a row, none of which brought something worth the effort. */
const MOST_BREAKS = 5;
const WORTHWHILE_BYTES = 1024 * 1024;
/** Of a source that drips, to keep us for days. */
const LEAST_BYTES = 16 * 1024;

/**
 * The bytes of one version of a source, however often the connection breaks: it goes on where it was.
 * A source whose versions have no names, or which has another one by now, is not gone on with.
 */
export class SteadyDownload {
  #at: number;
  #breaks = 0;

  constructor(
    private readonly source: RemoteSource,
    private readonly first: RemoteContent,
    private readonly options: SteadyOptions,
  ) {
    this.#at = first.offset;
    const { maxBytes } = options;
    if (first.length !== null && first.length > maxBytes) throw tooLarge(maxBytes);
  }

  /** How many bytes of the content are behind us. */
  get at(): number {
    return this.#at;
  }

  /** @throws SOURCE_UNAVAILABLE; SOURCE_CHANGED when it is another version by now; PAYLOAD_TOO_LARGE */
  async *bytes(): AsyncGenerator<Buffer> {
    let content = this.first;
    for (;;) {
      const begun = this.#at;
      try {
        yield* this.#take(content);
        return;
      } catch (error) {
        if (this.#at - begun >= WORTHWHILE_BYTES) this.#breaks = 0;
        content = await this.#goOn(error);
      }
    }
  }

  async *#take({ bytes }: RemoteContent): AsyncGenerator<Buffer> {
    const { maxBytes } = this.options;
    const { length } = this.first;
    for await (const chunk of this.#watched(bytes)) {
      this.#at += chunk.length;
      if (length !== null && this.#at > length) throw unavailable('it sends more than it said');
      if (this.#at > maxBytes) throw tooLarge(maxBytes);
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    }
    if (length !== null && this.#at < length) throw unavailable('it ended early');
  }

  /** Chunks, unless they keep us waiting too long. Time that the reader takes does not count. */
  async *#watched(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { silenceMs, signal } = this.options;
    const iterator = bytes[Symbol.asyncIterator]();
    let waitedMs = 0;
    let came = 0;
    let ended = false;
    try {
      for (;;) {
        const began = performance.now();
        const next = await withinMs(iterator.next(), silenceMs, signal);
        waitedMs += performance.now() - began;
        if (next.done) {
          ended = true;
          return;
        }
        came += next.value.length;
        if (waitedMs > silenceMs) {
          if (came < LEAST_BYTES) throw unavailable('it hardly sends anything');
          [waitedMs, came] = [0, 0];
        }
        yield next.value;
      }
    } finally {
      // Whoever is silent also takes long to hear that nobody listens any more.
      if (!ended) iterator.return?.()?.catch(() => undefined);
    }
  }

  /** @throws what is not to be mended by going on */
  async #goOn(thrown: unknown): Promise<RemoteContent> {
    const { signal, backoff, random = systemRandom, onBreak } = this.options;
    const { version, length } = this.first;
    for (let error = passing(thrown); ;) {
      signal.throwIfAborted();
      const isPassing = error.code === 'SOURCE_UNAVAILABLE';
      if (version === null || !isPassing || ++this.#breaks > MOST_BREAKS) throw error;
      onBreak?.(error, this.#at);
      const pause = backoffDelay(this.#breaks, { ...backoff, random });
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
      try {
        const content = await this.source.open({ offset: this.#at, version }, signal);
        const isSame = content.version === version && content.length === length;
        if (isSame && content.offset === this.#at) return content;
        await content.bytes[Symbol.asyncIterator]().return?.();
        throw new FleetseedError('SOURCE_CHANGED', 'The source was replaced while it was fetched.');
      } catch (again) {
        error = passing(again);
      }
    }
  }
}

async function withinMs<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(unavailable(`nothing came for ${ms / 1000} s`)), ms);
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function tooLarge(limit: number): FleetseedError {
  return new FleetseedError('PAYLOAD_TOO_LARGE', `The source has more than ${limit} bytes.`, {
    limit,
  });
}
