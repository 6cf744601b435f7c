import type { IncomingHttpHeaders } from 'node:http';

import {
  dropBody,
  FleetseedError,
  httpRequest,
  type HttpAnswer,
  type HttpConnections,
} from '#lib/contracts';
import { productVersion } from '#lib/runtime';

import { passing, unavailable } from './passing-errors.js';
import type { RemoteContent, RemotePosition, RemoteSource } from './remote.source.js';
import { checkUrl, type SourceRules } from './source.address.js';

export interface HttpSourceOptions {
  readonly rules: Pick<SourceRules, 'addresses' | 'insecureHttp'>;
  /** Of this source alone: they end with it. */
  readonly connections: HttpConnections;
  /** Whether an answer is taken that does not say where it ends: only if something else tells. */
  readonly endIsChecked: boolean;
  readonly silenceMs: number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([408, 425, 429]);
const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;

/** A file on a web server. Every open begins at the URL that was given: what it leads to may expire. */
export class HttpSource implements RemoteSource {
  constructor(
    private readonly url: URL,
    private readonly options: HttpSourceOptions,
  ) {}

  async open(position: RemotePosition | null, signal: AbortSignal): Promise<RemoteContent> {
    let answer = await this.#answer(position, signal);
    if (position && isOtherPart(answer, position)) {
      await dropBody(answer.body);
      answer = await this.#answer(null, signal);
    }
    try {
      return contentOf(answer, this.options.endIsChecked);
    } catch (error) {
      await dropBody(answer.body);
      throw error;
    }
  }

  close(): void {
    this.options.connections.destroy();
  }

  /** The first answer that is no redirect; each host on the way is held to the rules. */
  async #answer(position: RemotePosition | null, signal: AbortSignal): Promise<HttpAnswer> {
    const { rules, connections, silenceMs } = this.options;
    const authorization = authorizationOf(this.url);
    let url = this.url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      checkUrl(url, rules);
      const headers = {
        'user-agent': `fleetseed-origin/${productVersion()}`,
        accept: '*/*',
        'accept-encoding': 'identity',
        // Who is led elsewhere does not take the password along.
        ...(authorization !== null && url.origin === this.url.origin ? { authorization } : {}),
        ...(position && position.offset > 0
          ? { range: `bytes=${position.offset}-`, 'if-range': position.version }
          : {}),
      };
      const answer = await this.#ask(url, { headers, connections, silenceMs, signal });
      if (!REDIRECTS.has(answer.statusCode)) return answer;
      await dropBody(answer.body);
      const { location = '' } = answer.headers;
      const next = location === '' ? null : URL.parse(location, url.href);
      if (!next) throw unavailable('it redirects to nowhere');
      url = next;
    }
    throw new FleetseedError(
      'SOURCE_REFUSED',
      `The source redirects more than ${MAX_REDIRECTS} times.`,
    );
  }

  async #ask(url: URL, options: Parameters<typeof httpRequest>[1]): Promise<HttpAnswer> {
    const plain = new URL(url);
    plain.username = '';
    plain.password = '';
    plain.hash = '';
    try {
      return await httpRequest(plain, options);
    } catch (error) {
      throw options?.signal?.aborted ? error : passing(error);
    }
  }
}

/** A part of something else than was asked for, or none: what is there now is another file. */
function isOtherPart({ statusCode, headers }: HttpAnswer, position: RemotePosition): boolean {
  if (statusCode !== 206) return statusCode === 416;
  const part = partOf(headers);
  return part?.offset !== position.offset || strongTag(headers) !== position.version;
}

/** Of an answer that goes to the end of the file. */
function partOf(headers: IncomingHttpHeaders): { offset: number; length: number } | null {
  const [, first, last, total] = RANGE.exec(headers['content-range'] ?? '') ?? [];
  const length = Number(total);
  return Number(last) === length - 1 ? { offset: Number(first), length } : null;
}

function contentOf(answer: HttpAnswer, endIsChecked: boolean): RemoteContent {
  const { statusCode, headers, body: bytes } = answer;
  if (statusCode === 404 || statusCode === 410) {
    const text = `The source answers ${statusCode}: there is no such file.`;
    throw new FleetseedError('SOURCE_NOT_FOUND', text);
  }
  if (statusCode !== 200 && statusCode !== 206) throw refusal(statusCode);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    const text = 'The source sends the file encoded, though it was asked not to.';
    throw new FleetseedError('SOURCE_REFUSED', text);
  }
  const version = strongTag(headers);
  if (statusCode === 206) {
    const part = partOf(headers);
    // Offset 0 of a whole file was asked for, or the part was looked at before.
    if (!part) throw unavailable('it sends a part of the file that nobody asked for');
    return { ...part, version, bytes };
  }
  const length = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  const endIsTold = length !== null || /chunked/i.test(headers['transfer-encoding'] ?? '');
  if (!endIsTold && !endIsChecked) {
    const text = 'The source does not say where the file ends: name its SHA-256 or its length.';
    throw new FleetseedError('SOURCE_REFUSED', text);
  }
  return { length, version, offset: 0, bytes };
}

function strongTag({ etag, 'accept-ranges': ranges }: IncomingHttpHeaders): string | null {
  if (ranges?.trim().toLowerCase() === 'none') return null;
  return etag !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) ? etag : null;
}

function authorizationOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refusal(status: number): FleetseedError {
  if (status >= 500 || PASSING.has(status)) return unavailable(`it answers ${status}`);
  if (status === 401 || status === 403 || status === 407) {
    return new FleetseedError(
      'SOURCE_REFUSED',
      `The source does not let the origin in (${status}).`,
    );
  }
  return new FleetseedError('SOURCE_REFUSED', `The source answers ${status}.`, { status });
}
