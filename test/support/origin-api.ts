import type { OriginProcess } from './sandbox.js';

export interface ApiAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface ApiCall {
  /** The admin token by default; null for none. */
  readonly token?: string | null;
  readonly json?: unknown;
  readonly body?: NonNullable<RequestInit['body']>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What every refusal says. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
}

const TIMEOUT_MS = 20_000;

/**
 * Asks an origin as a program that knows nothing of our client would. JSON answers are parsed,
 * everything else is text.
 * @param path from the root, as in `/api/v1/service`
 */
export async function callApi<T = Refusal>(
  origin: Pick<OriginProcess, 'url' | 'adminToken'>,
  method: string,
  path: string,
  { token = origin.adminToken, json, body, headers = {} }: ApiCall = {},
): Promise<ApiAnswer<T>> {
  const answer = await fetch(origin.url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: json === undefined ? (body ?? null) : JSON.stringify(json),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '');
  const { status } = answer;
  return { status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as T };
}

/** The secret of a new token with these scopes. */
export async function tokenWith(origin: OriginProcess, ...scopes: string[]): Promise<string> {
  const json = { name: scopes.join(' '), scopes };
  const { body } = await callApi<{ secret: string }>(origin, 'POST', '/api/v1/tokens', { json });
  return body.secret;
}
