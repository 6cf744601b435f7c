import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { z } from 'zod';

import { FleetseedError, knownCode } from '../errors/fleetseed.error.js';
import { Problem } from '../errors/problem.js';
import { HttpConnections } from './http-connections.js';
import { httpRequest, type HttpAnswer } from './http-request.js';
import { eventsOf } from './sse.js';

export interface HttpClientOptions {
  /** Base URL of the origin, `https://deploy.example:7070`. */
  readonly origin: string;
  /** Gives the bearer token of the moment; null sends none. */
  readonly token: () => string | null;
  /** PEM file of the authority that signed the origin's certificate. */
  readonly caFile?: string;
  readonly userAgent: string;
}

export interface Call<T extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer: T;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** How often a call is tried when the origin cannot be reached; only for calls that may be repeated. */
  readonly attempts?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Answers are bounded: 256 MiB holds the plan of a million files. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * HTTP to the origin: JSON in and out, checked against schemas, problems turned back into
 * {@link FleetseedError}s with the server's code, unreachable origins into `ORIGIN_UNREACHABLE`.
 */
export class HttpClient {
  /** Other clients of the same origin (web seed, tracker) trust the same authority. */
  readonly connections: HttpConnections;
  readonly #origin: URL;

  constructor(private readonly options: HttpClientOptions) {
    this.#origin = parseOrigin(options.origin);
    const { caFile } = options;
    this.connections = new HttpConnections(caFile === undefined ? undefined : readCa(caFile));
  }

  get origin(): string {
    return this.#origin.origin;
  }

  async call<T extends z.ZodType>(call: Call<T>): Promise<z.output<T>> {
    return checked(call.answer, await this.bytes(call), call.path);
  }

  async bytes(call: Omit<Call<z.ZodType>, 'answer'>): Promise<Buffer> {
    const attempts = call.attempts ?? (call.method === 'GET' ? 3 : 1);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(call);
      } catch (error) {
        const mayPass = error instanceof FleetseedError && error.code === 'ORIGIN_UNREACHABLE';
        if (!mayPass || attempt >= attempts) throw error;
        await sleep(250 * 2 ** attempt, undefined, call.signal ? { signal: call.signal } : {});
      }
    }
  }

  /**
   * Follows a stream of server-sent events until it ends or the signal aborts. Each arrival of bytes,
   * pings included, calls `onAlive`. A stream that is asked for with a body is asked for by POST.
   */
  async *events<T extends z.ZodType>(
    path: string,
    event: T,
    signal: AbortSignal,
    onAlive: () => void = () => {},
    json?: unknown,
  ): AsyncGenerator<z.output<T>> {
    const { statusCode, body } = await this.#send({
      method: json === undefined ? 'GET' : 'POST',
      path,
      json,
      headers: { accept: 'text/event-stream' },
      signal,
    });
    if (statusCode !== 200) throw problemError(statusCode, await this.#read(body, signal));
    const arriving = eventsOf(observed(body, onAlive))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#arrived(arriving.next(), signal);
        if (next.done) return;
        yield checked(event, Buffer.from(next.value), path);
      }
    } finally {
      await arriving.return?.(undefined);
    }
  }

  async close(): Promise<void> {
    this.connections.destroy();
  }

  async #once(call: Omit<Call<z.ZodType>, 'answer'>): Promise<Buffer> {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout;
    const { statusCode, body } = await this.#send({ ...call, signal });
    const bytes = await this.#read(body, signal);
    if (statusCode >= 400) throw problemError(statusCode, bytes);
    return bytes;
  }

  async #send(call: Omit<Call<z.ZodType>, 'answer'>): Promise<HttpAnswer> {
    const url = new URL(call.path, this.#origin);
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const token = this.options.token();
    const headers: Record<string, string> = {
      'user-agent': this.options.userAgent,
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    };
    try {
      return await httpRequest(url, {
        method: call.method,
        headers,
        body: call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json),
        connections: this.connections,
        ...(call.signal ? { signal: call.signal } : {}),
      });
    } catch (error) {
      throw this.#unreachable(error, call.signal);
    }
  }

  /** A connection that breaks in the middle of an answer is an origin that cannot be reached. */
  #read(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Buffer> {
    return this.#arrived(readBounded(body), signal);
  }

  async #arrived<T>(arrival: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await arrival;
    } catch (error) {
      throw error instanceof FleetseedError ? error : this.#unreachable(error, signal);
    }
  }

  #unreachable(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) {
      const late = (signal.reason as Error | undefined)?.name === 'TimeoutError';
      return new FleetseedError(
        late ? 'TIMED_OUT' : 'ABORTED',
        late ? `The origin at ${this.origin} did not answer in time.` : 'The call was aborted.',
        {},
        { cause: error },
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new FleetseedError(
      'ORIGIN_UNREACHABLE',
      `The origin at ${this.origin} cannot be reached: ${reason || 'connection failed'}.`,
      { origin: this.origin },
      { cause: error },
    );
  }
}

function parseOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new FleetseedError('USAGE', `"${text}" is not the URL of an origin (http:// or https://).`);
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FleetseedError('USAGE', `The CA file ${file} cannot be read.`, {}, { cause: error });
  }
}

async function* observed(body: AsyncIterable<Uint8Array>, onChunk: () => void) {
  for await (const chunk of body) {
    onChunk();
    yield chunk;
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new FleetseedError('INTERNAL', 'The answer is too long.');
    chunks.push(chunk);
  }
  return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks, length);
}

function checked<T extends z.ZodType>(schema: T, bytes: Buffer, path: string): z.output<T> {
  const parsed = schema.safeParse(bytes.length === 0 ? null : parseJson(bytes));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetseedError(
    'INTERNAL',
    `The origin answered ${path} in a form this version does not know (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}).`,
  );
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new FleetseedError('INTERNAL', 'The answer is not JSON.', {}, { cause: error });
  }
}

function problemError(status: number, bytes: Buffer): FleetseedError {
  let problem: Problem | null = null;
  try {
    problem = Problem.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    // A proxy in between answers in its own words: only its status is known then.
  }
  if (!problem) {
    const code =
      status === 404 ? 'NOT_FOUND' : status >= 500 ? 'ORIGIN_UNREACHABLE' : 'REQUEST_INVALID';
    return new FleetseedError(code, `The origin (or a proxy before it) answered ${status}.`, {
      status,
    });
  }
  return new FleetseedError(knownCode(problem.code), problem.detail, problem.facts ?? {});
}
