import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A web server whose every answer a test decides; it tells what it was asked. */
export class FileServer {
  readonly requests: { url: string; headers: IncomingMessage['headers'] }[] = [];
  #answer: Answer = (_, response) => response.writeHead(404).end();

  private constructor(private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => undefined);
      this.requests.push({ url: request.url ?? '', headers: request.headers });
      this.#answer(request, response);
    });
  }

  static async start(): Promise<FileServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FileServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  answer(answer: Answer): void {
    this.#answer = answer;
  }

  /** Serves a file as a good server does: with a strong ETag, and ranges under `If-Range`. */
  serve(file: Buffer, etag: string): void {
    this.answer((request, response) => sendFile(request, response, file, etag));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** @param until bytes after which the connection breaks, counted from the file's beginning */
export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer,
  etag: string,
  until = file.length,
): void {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const isAsked = from !== undefined && request.headers['if-range'] === etag;
  const offset = isAsked ? Number(from) : 0;
  const headers = { etag, 'accept-ranges': 'bytes', 'content-length': file.length - offset };
  const range = `bytes ${offset}-${file.length - 1}/${file.length}`;
  response.writeHead(
    isAsked ? 206 : 200,
    isAsked ? { ...headers, 'content-range': range } : headers,
  );
  if (until >= file.length) response.end(file.subarray(offset));
  else response.write(file.subarray(offset, until), () => response.destroy());
}
