import type { ApiClient } from './api.client.js';
import { ApiError } from './api.error.js';
import { EventStreamParser } from './event-stream.parser.js';

/** The origin sends an event or a ping more often than this; a silent stream is a dead one. */
const SILENCE_MS = 20_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export type FeedState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly error: Error; readonly untilMs: number };

/** Full jitter: pages that lost the same origin must not come back at the same moment. */
export function waitBeforeRetry(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10));
  return Math.round(ceiling * (0.5 + random / 2));
}

/**
 * Follows a stream of events, each a JSON value, until the signal aborts; a stream that ends, fails
 * or falls silent is opened again, with back-off. Answers 4xx end it: asking again would not help.
 * @throws ApiError for a 4xx.
 */
export async function follow<T>(
  api: ApiClient,
  path: string,
  signal: AbortSignal,
  onEvent: (event: T) => void,
  onState: (state: FeedState) => void,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    onState({ kind: 'connecting' });
    let error = new Error('The stream ended.');
    try {
      await readOnce(api, path, signal, (data) => {
        failures = 0;
        onState({ kind: 'live' });
        onEvent(JSON.parse(data) as T);
      });
    } catch (caught) {
      if (signal.aborted) return;
      if (caught instanceof ApiError && caught.status >= 400 && caught.status < 500) throw caught;
      if (caught instanceof Error) error = caught;
    }
    if (signal.aborted) return;
    const wait = waitBeforeRetry(++failures, Math.random());
    onState({ kind: 'waiting', error, untilMs: Date.now() + wait });
    await pause(wait, signal);
  }
}

async function readOnce(
  api: ApiClient,
  path: string,
  signal: AbortSignal,
  onData: (data: string) => void,
): Promise<void> {
  const silent = new AbortController();
  const giveUp = () => silent.abort(new Error('The stream fell silent.'));
  let timer = setTimeout(giveUp, SILENCE_MS);
  const parser = new EventStreamParser();
  try {
    const body = await api.open(path, AbortSignal.any([signal, silent.signal]));
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(giveUp, SILENCE_MS);
      for (const data of parser.push(value)) onData(data);
    }
  } finally {
    clearTimeout(timer);
    // Ends the request also when an event could not be read.
    silent.abort();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
