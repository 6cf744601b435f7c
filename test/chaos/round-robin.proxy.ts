import { once } from 'node:events';
import {
  createServer,
  request as send,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** Where a request goes: the replicas that may be asked, `http://HOST:PORT`, in any order. */
export type Route = (path: string) => readonly string[];

/**
 * A load balancer that knows nothing: every request goes to the next replica that accepts a connection.
 * What breaks on the way breaks for the client too, and 502 says that nobody accepted.
 */
export class RoundRobinProxy {
  readonly #server = createServer((request, response) => void this.#pass(request, response));
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(private readonly route: Route) {
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(route: Route): Promise<RoundRobinProxy> {
    const proxy = new RoundRobinProxy(route);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const socket = await this.#next(request.url ?? '');
    if (!socket) {
      request.resume();
      response.writeHead(502).end();
      return;
    }
    forward(request, response, socket);
  }

  async #next(path: string): Promise<Socket | null> {
    const replicas = this.route(path);
    const first = this.#turn++;
    for (let nth = 0; nth < replicas.length; nth++) {
      const url = new URL(replicas[(first + nth) % replicas.length]!);
      const socket = connect(Number(url.port), url.hostname);
      try {
        await once(socket, 'connect');
        return socket;
      } catch {
        // Nobody listens there.
      }
    }
    return null;
  }
}

function forward(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  const { method, url: path, headers } = request;
  // A connection carries one request: the next one may go elsewhere.
  const onward = send({ method, path, headers, createConnection: () => socket }, (answer) => {
    const { connection: _, ...kept } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, kept);
    // Headers of a stream of events leave before its first event.
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => (response.headersSent ? response.destroy() : request.socket.destroy()));
  request.pipe(onward);
  request.once('aborted', () => onward.destroy());
  response.once('close', () => onward.destroy());
}
