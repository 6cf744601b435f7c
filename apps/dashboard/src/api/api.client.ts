import type { Page } from '#lib/contracts';

import { ApiError, errorOfAnswer } from './api.error.js';

const TIMEOUT_MS = 15_000;
const PAGE_LIMIT = 1000;
/** Rows of one list the page keeps: beyond that an operator filters on the command line. */
export const MAX_ROWS = 10_000;

/** What a client knows of the one who looks. */
export interface Credentials {
  token(): string | null;
  /** The origin does not take the token (any more). */
  refused(): void;
}

export interface Rows<T> {
  readonly items: readonly T[];
  /** There are more rows than {@link MAX_ROWS}. */
  readonly cut: boolean;
}

/** Asks `/api/v1` of the origin that served the page. */
export class ApiClient {
  constructor(
    private readonly credentials: Credentials,
    private readonly base: string = new URL('api/v1/', document.baseURI).href,
  ) {}

  /** @throws ApiError; the signal's reason when it aborts. */
  async get<T>(path: string, signal: AbortSignal): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await this.#send(path, AbortSignal.any([signal, timeout]), 'application/json');
    try {
      return (await answer.json()) as T;
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  /** Follows `next` to the end of a list. */
  async list<T>(path: string, signal: AbortSignal): Promise<Rows<T>> {
    const items: T[] = [];
    let after = '';
    while (items.length < MAX_ROWS) {
      const page = await this.get<Page<T>>(`${path}?limit=${PAGE_LIMIT}${after}`, signal);
      items.push(...page.items);
      if (page.next === null) return { items, cut: false };
      after = `&after=${encodeURIComponent(page.next)}`;
    }
    return { items, cut: true };
  }

  /** @throws ApiError; the signal's reason when it aborts. */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    await this.#send(path, AbortSignal.any([signal, timeout]), 'application/json', 'DELETE');
  }

  /** Opens a stream of server-sent events. EventSource cannot carry the token, so this is fetch. */
  async open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const answer = await this.#send(path, signal, 'text/event-stream');
    if (answer.body === null)
      throw new ApiError('UNREACHABLE', answer.status, 'The stream is empty.');
    return answer.body;
  }

  async #send(
    path: string,
    signal: AbortSignal,
    accept: string,
    method: 'GET' | 'DELETE' = 'GET',
  ): Promise<Response> {
    const token = this.credentials.token();
    const headers: Record<string, string> = { accept };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    let answer: Response;
    try {
      answer = await fetch(this.base + path, {
        method,
        headers,
        signal,
        cache: 'no-store',
        redirect: 'error',
      });
    } catch (error) {
      throw this.#failure(error, signal);
    }
    if (answer.ok) return answer;
    if (answer.status === 401) this.credentials.refused();
    throw errorOfAnswer(answer.status, await answer.json().catch(() => null));
  }

  #failure(error: unknown, signal: AbortSignal): unknown {
    const name = error instanceof Error ? error.name : '';
    if (name === 'TimeoutError') {
      return new ApiError('TIMED_OUT', 0, 'The origin did not answer in time.', { cause: error });
    }
    if (signal.aborted) return error;
    return new ApiError('UNREACHABLE', 0, 'The origin cannot be reached.', { cause: error });
  }
}
