import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { HttpConnections, HttpTimeoutError } from './http-connections.js';

export interface HttpRequestOptions {
  /** GET by default. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | null;
  /** Connections of its own; those of the process by default. */
  readonly connections?: HttpConnections;
  /** Without a byte for this long while one is waited for, the exchange fails; 300,000 ms by default. */
  readonly silenceMs?: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** To be iterated over, else the connection stays taken; left early, it is closed. */
  readonly body: AsyncIterable<Buffer>;
}

const SILENCE_MS = 300_000;
const shared = new HttpConnections();

/**
 * An HTTP request. Redirects are not followed.
 * @throws the system's error, HttpTimeoutError, or the signal's reason; the body likewise
 */
export async function httpRequest(
  url: URL | string,
  options: HttpRequestOptions = {},
): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body = null, connections = shared } = options;
  const { silenceMs = SILENCE_MS, signal } = options;
  signal?.throwIfAborted();
  const sent = connections.request(new URL(url), {
    method,
    headers,
    ...(signal ? { signal } : {}),
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const timer = setTimeout(() => sent.destroy(silent(silenceMs)), silenceMs);
  // What goes wrong after the answer has begun is told by its body, too.
  sent.on('response', resolve).on('error', reject);
  sent.end(body ?? undefined);
  try {
    const response = await promise;
    const { statusCode = 0 } = response;
    return { statusCode, headers: response.headers, body: bodyOf(response, silenceMs, signal) };
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads what is left of a short body, so that its connection can be used again. */
export async function dropBody(body: AsyncIterable<Uint8Array>, limit = 16_384): Promise<void> {
  let length = 0;
  try {
    for await (const chunk of body) if ((length += chunk.length) > limit) return;
  } catch {
    // Then there is no connection.
  }
}

async function* bodyOf(
  response: IncomingMessage,
  silenceMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  // A reader that takes its time is not the silence of the other side.
  let waiting = true;
  const end = () => waiting && response.destroy(silent(silenceMs));
  const timer = setTimeout(end, silenceMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function silent(ms: number): HttpTimeoutError {
  return new HttpTimeoutError(`nothing came for ${ms / 1000} s`);
}
