import { dropBody, FleetseedError, httpRequest, type HttpConnections } from '#lib/contracts';
import { backoffDelay, deadline, type Clock, type Random } from '#lib/runtime';

import type { ArtifactLayout } from '../disk/artifact-paths.js';
import { FileSpans, type FileSegment } from '../disk/file-spans.js';
import { eachAtMost } from '../disk/in-flight.js';
import { checkPayloadRange } from '../disk/payload-store.js';
import { Gate } from './gate.js';
import { isContentRange, retryAfterMs, webSeedUrl } from './web-seed-url.js';

const PARALLEL = 4;
const TIMEOUT_MS = 20_000;
/** A request may take as many times the time-out as it is for pieces of this, bytes, and one more. */
const BYTES_PER_TIMEOUT = 256 * 1024;
const RETRY = { startMs: 1000, limitMs: 60_000 };

/** Is told of bytes as they come, and says when more may be read. */
type Pace = (bytes: number) => Promise<void>;

async function unpaced(): Promise<void> {}

export interface WebSeedOptions {
  /** As in `url-list`. */
  readonly url: string;
  readonly layout: ArtifactLayout & { readonly name: string };
  /** Those of the process by default. */
  readonly connections?: HttpConnections;
  /** Sent with every request, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests at once; 4 by default. */
  readonly parallel?: number;
  /**
   * Without a byte for this long a request fails, milliseconds; 20,000 by default. So it does when it takes
   * as long for each 256 KiB and once more: a server that sends single bytes is no better than a silent one.
   */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Reads payload from an HTTP server (BEP 19). What it returns is not verified.
 *
 * After a failure it is paused, for as long as the server said or with growing delays, and rejects
 * with OVER_BUDGET at once until then. Codes of failures: OVER_BUDGET (503 or 429), PIECE_UNAVAILABLE
 * (the server has not got it, or not these bytes), FORBIDDEN, TIMED_OUT, ORIGIN_UNREACHABLE; the
 * reason of the signal when it aborts.
 */
export class WebSeedClient {
  readonly #spans: FileSpans;
  readonly #gate: Gate;
  readonly #parallel: number;
  #failures = 0;
  #pausedUntil = 0;

  constructor(private readonly options: WebSeedOptions) {
    this.#spans = FileSpans.of(options.layout.files);
    this.#parallel = options.parallel ?? PARALLEL;
    this.#gate = new Gate(this.#parallel);
  }

  get url(): string {
    return this.options.url;
  }

  /** Milliseconds until it may be asked again; 0 when at once. */
  pausedForMs(): number {
    return Math.max(0, this.#pausedUntil - this.options.clock.monotonic());
  }

  /** Fills `target` with the payload from `offset`; one request for each file that the range touches. */
  async read(
    offset: number,
    target: Uint8Array,
    signal?: AbortSignal,
    pace: Pace = unpaced,
  ): Promise<void> {
    checkPayloadRange(this.#spans.length, offset, target.length);
    const pausedMs = this.pausedForMs();
    if (pausedMs > 0) throw overBudget(pausedMs);
    const segments = this.#spans.segments(offset, target.length);
    await eachAtMost(segments, this.#parallel, async (segment) => {
      const leave = await this.#gate.enter(signal);
      const part = target.subarray(segment.at, segment.at + segment.length);
      try {
        await this.#fetch(segment, part, pace, signal);
        this.#failures = 0;
      } catch (error) {
        throw this.#failed(error, signal);
      } finally {
        leave();
      }
    });
  }

  async #fetch(
    segment: FileSegment,
    target: Uint8Array,
    pace: Pace,
    signal?: AbortSignal,
  ): Promise<void> {
    const { url, layout, headers, connections, timeoutMs = TIMEOUT_MS } = this.options;
    const { file, fileOffset, length } = segment;
    const mostMs = timeoutMs * (1 + Math.ceil(length / BYTES_PER_TIMEOUT));
    const range = `bytes=${fileOffset}-${fileOffset + length - 1}`;
    const response = await httpRequest(webSeedUrl(url, layout, layout.files[file]!.path), {
      // Compressed bytes would not be the ones the range is about.
      headers: { ...headers, range, 'accept-encoding': 'identity' },
      silenceMs: timeoutMs,
      signal: deadline(mostMs, signal),
      ...(connections ? { connections } : {}),
    });
    const whole = length === this.#spans.lengthOf(file);
    const { statusCode } = response;
    const contentRange = textOf(response.headers['content-range']);
    const good =
      (statusCode === 206 && isContentRange(contentRange, fileOffset, length)) ||
      (statusCode === 200 && whole);
    if (good) return fill(target, response.body, pace);
    // A short body is read to its end, so that the connection can be used again.
    await dropBody(response.body);
    throw this.#refusal(statusCode, textOf(response.headers['retry-after']));
  }

  #refusal(status: number, retryAfter: string | undefined): FleetseedError {
    const facts = { status };
    if (status === 503 || status === 429) {
      const askedMs = retryAfterMs(retryAfter, this.options.clock.now());
      if (askedMs !== null) this.#pause(askedMs);
      return overBudget(this.pausedForMs());
    }
    if (status === 401 || status === 403) {
      return new FleetseedError('FORBIDDEN', 'The web seed refuses us.', facts);
    }
    if (status >= 500) {
      return new FleetseedError('ORIGIN_UNREACHABLE', `The web seed failed (${status}).`, facts);
    }
    const text = `The web seed does not give these bytes (${status}).`;
    return new FleetseedError('PIECE_UNAVAILABLE', text, facts);
  }

  #failed(thrown: unknown, signal?: AbortSignal): unknown {
    if (signal?.aborted) return signal.reason;
    this.#failures++;
    this.#pause(backoffDelay(this.#failures, { ...RETRY, random: this.options.random }));
    if (thrown instanceof FleetseedError) return thrown;
    const cause = { cause: thrown };
    if (thrown instanceof Error && /Timeout/i.test(thrown.name)) {
      return new FleetseedError('TIMED_OUT', 'The web seed sends nothing.', {}, cause);
    }
    return new FleetseedError('ORIGIN_UNREACHABLE', 'The web seed is out of reach.', {}, cause);
  }

  #pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.options.clock.monotonic() + ms);
  }
}

async function fill(target: Uint8Array, body: AsyncIterable<Buffer>, pace: Pace): Promise<void> {
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length > target.length) {
      const text = 'The web seed sends more than was asked for.';
      throw new FleetseedError('PIECE_UNAVAILABLE', text, { wanted: target.length });
    }
    target.set(chunk, at);
    at += chunk.length;
    await pace(chunk.length);
  }
  if (at === target.length) return;
  const text = 'The web seed sends less than was asked for.';
  throw new FleetseedError('PIECE_UNAVAILABLE', text, { wanted: target.length, got: at });
}

function overBudget(waitMs: number): FleetseedError {
  return new FleetseedError('OVER_BUDGET', 'The web seed asks to wait.', { waitMs });
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
