import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

/** @returns whether the request is taken, and will be answered. */
export type TakeRequest = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Lets somebody answer before the web framework sees a request: announces come by the thousand each second,
 * and to find out that no route wants them costs several times what it takes to answer them.
 */
export function answerFirst(server: Server, take: TakeRequest): void {
  const others = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (take(request, response)) return;
    for (const other of others) other(request, response);
  });
}
