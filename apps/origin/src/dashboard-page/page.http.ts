import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PageFile } from './page.files.js';

/**
 * The page talks to its own origin only, and runs no code but its own. Inline styles are what
 * charts set on their elements.
 */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

const NOT_BUILT =
  'The dashboard is not built. Run "npm run build" in the source folder and start the origin again; ' +
  'the API is served under /api/v1 meanwhile.\n';

/**
 * Serves the dashboard from memory, by the request target as it came in.
 * @returns a handler that says false, and has not touched the answer, for paths that are no page.
 */
export function pageHandler(
  files: ReadonlyMap<string, PageFile>,
): (target: string, request: IncomingMessage, response: ServerResponse) => boolean {
  return (target, request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const path = target.split('?', 1)[0]!;
    const name = path === '/' ? '/index.html' : path;
    const file = files.get(name);
    if (file) {
      sendFile(request, response, file);
      return true;
    }
    if (path !== '/') return false;
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', ...SECURITY_HEADERS });
    response.end(request.method === 'HEAD' ? undefined : NOT_BUILT);
    return true;
  };
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: PageFile): void {
  const headers = {
    ...SECURITY_HEADERS,
    etag: file.etag,
    // The page itself is asked for each time: it names the assets that go with this build.
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, {
    ...headers,
    'content-type': file.contentType,
    'content-length': file.bytes.length,
  });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}
