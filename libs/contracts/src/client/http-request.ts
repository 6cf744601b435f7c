import type { Dispatcher } from 'undici';
// Not the whole package: with fetch, WebSocket, caches and mocks it costs each agent 13 MB of memory.
import requestThrough from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';

export { Agent as HttpAgent };

export type HttpRequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: Dispatcher.HttpMethod;
  /** Connections of its own; those of the process by default. */
  readonly dispatcher?: Dispatcher;
};

let shared: Agent | null = null;

/**
 * An HTTP request. Redirects are not followed.
 * @throws the system's or undici's error, or the signal's reason
 */
export function httpRequest(
  url: URL | string,
  options: HttpRequestOptions = {},
): Promise<Dispatcher.ResponseData> {
  const { dispatcher = (shared ??= new Agent()), method = 'GET', ...rest } = options;
  const { origin, pathname, search } = new URL(url);
  return requestThrough.call(dispatcher, { ...rest, method, origin, path: pathname + search });
}
