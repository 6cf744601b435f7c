import { once } from 'node:events';
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What goes wrong with one request:
 * - `slow-down`, `broken`: it is answered 503 SlowDown or 500 InternalError, and never arrives;
 * - `reset`: the connection ends before it arrives;
 * - `silent`: it never arrives, and nobody says so;
 * - `lost-answer`, `late-answer`: it is carried out, but the connection ends, or nothing is said;
 * - `truncated`: half of the answer comes, then the connection ends;
 * - `stalled`: half of the answer comes, then nothing more.
 */
export type Fault =
  | 'slow-down'
  | 'broken'
  | 'reset'
  | 'silent'
  | 'lost-answer'
  | 'late-answer'
  | 'truncated'
  | 'stalled';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly fault: Fault | null;
  /** Connections count from 1 in their order. */
  readonly connection: number;
}

type Match = (request: { readonly method: string; readonly url: string }) => boolean;

interface Plan {
  readonly match: Match;
  readonly fault: Fault;
  left: number;
}

/**
 * Stands before an S3 store, passes requests on as they are (signatures hold) and does to some of
 * them what networks and overloaded stores do.
 */
export class FaultProxy {
  readonly seen: SeenRequest[] = [];
  /** Added to the time that answers name, milliseconds. */
  clockOffsetMs = 0;
  readonly #plans: Plan[] = [];
  readonly #sockets = new Map<Socket, number>();
  #connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(endpoint: string): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server, new URL(endpoint));
    server.on('connection', (socket: Socket) => {
      proxy.#sockets.set(socket, ++proxy.#connections);
      socket.once('close', () => proxy.#sockets.delete(socket));
    });
    server.on('request', (request, response) => proxy.#handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next `times` requests that match go wrong. */
  plan(fault: Fault, match: Match, times = 1): void {
    this.#plans.push({ fault, match, left: times });
  }

  /** Nothing that was planned happens any more, and nothing is remembered. */
  reset(): void {
    this.#plans.length = 0;
    this.seen.length = 0;
    this.clockOffsetMs = 0;
  }

  /** The requests that went wrong. */
  get faults(): SeenRequest[] {
    return this.seen.filter(({ fault }) => fault !== null);
  }

  async stop(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
    await once(this.server, 'close');
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const plan = this.#plans.find(({ left, match }) => left > 0 && match({ method, url }));
    if (plan) plan.left--;
    const fault = plan?.fault ?? null;
    const connection = this.#sockets.get(request.socket) ?? 0;
    this.seen.push({ method, url, headers, fault, connection });
    // Whoever is cut off, or cuts off, says so by an error that nobody waits for here.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (fault === 'reset') request.socket.destroy();
    else if (fault === 'silent') request.resume();
    else if (fault === 'slow-down') refuse(response, 503, 'SlowDown');
    else if (fault === 'broken') refuse(response, 500, 'InternalError');
    else this.#forward(request, response, fault);
  }

  #forward(request: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const { method, url: path, headers } = request;
    const { hostname: host, port } = this.target;
    const onward = send({ host, port, method, path, headers, agent: false }, (answer) => {
      answer.on('error', () => response.destroy());
      if (fault === 'late-answer') answer.resume();
      else if (fault === 'lost-answer') {
        answer.resume();
        answer.once('end', () => request.socket.destroy());
      } else this.#answer(answer, response, fault);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
    // A body that breaks off here must not seem to be complete there.
    request.once('aborted', () => onward.destroy());
  }

  #answer(answer: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const { date } = answer.headers;
    const headers = { ...answer.headers };
    if (this.clockOffsetMs !== 0 && date !== undefined) {
      headers.date = new Date(Date.parse(date) + this.clockOffsetMs).toUTCString();
    }
    response.writeHead(answer.statusCode ?? 500, headers);
    if (fault === null) {
      answer.pipe(response);
      return;
    }
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('end', () => {
      const body = Buffer.concat(chunks);
      response.write(body.subarray(0, body.length / 2), () => {
        if (fault === 'truncated') response.destroy();
      });
    });
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as planned</Message></Error>`,
  );
}
