import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Laxity {
  /** Conditions that it does not look at. */
  readonly ignores?: readonly ('If-None-Match' | 'If-Match')[];
  /** Whether it looks at what is there, waits a moment, and then writes. */
  readonly isRacy?: boolean;
  /** Whether it says that it does not know conditions. */
  readonly refuses?: boolean;
  readonly forgetsMetadata?: boolean;
}

export interface LaxStore {
  readonly endpoint: string;
  keys(): string[];
  stop(): Promise<void>;
}

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** As much of S3 as a start asks for, for one bucket, in memory; as careless as some stores are. */
export async function startLaxStore(laxity: Laxity): Promise<LaxStore> {
  const stored = new Map<string, Stored>();
  const server = createServer((request, response) => {
    handle(stored, laxity, request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys: () => [...stored.keys()],
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function handle(
  stored: Map<string, Stored>,
  laxity: Laxity,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://store');
  const key = url.pathname.replace(/^\/lax\/?/, '');
  const body = await buffer(request);
  if (request.method === 'PUT') await put(stored, laxity, key, body, request, response);
  else if (request.method === 'DELETE') {
    stored.delete(key);
    response.writeHead(204).end();
  } else if (url.searchParams.has('list-type')) {
    response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
  } else get(stored.get(key), request, response);
}

function get(found: Stored | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (!found) return refuse(response, 404, 'NoSuchKey');
  const { body, etag, metadata } = found;
  response.writeHead(200, { ...metadata, etag, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function put(
  stored: Map<string, Stored>,
  { ignores = [], isRacy = false, refuses = false, forgetsMetadata = false }: Laxity,
  key: string,
  body: Buffer,
  { headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ifNoneMatch = ignores.includes('If-None-Match') ? undefined : headers['if-none-match'];
  const ifMatch = ignores.includes('If-Match') ? undefined : headers['if-match'];
  const isConditional = ifNoneMatch !== undefined || ifMatch !== undefined;
  if (isConditional && refuses) return refuse(response, 501, 'NotImplemented');
  const found = stored.get(key);
  if (ifNoneMatch !== undefined && found) return refuse(response, 412, 'PreconditionFailed');
  if (ifMatch !== undefined && !found) return refuse(response, 404, 'NoSuchKey');
  if (ifMatch !== undefined && found?.etag !== ifMatch) {
    return refuse(response, 412, 'PreconditionFailed');
  }
  if (isRacy) await new Promise((resolve) => setTimeout(resolve, 50));
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const kept = forgetsMetadata ? {} : (Object.fromEntries(metadata) as Record<string, string>);
  stored.set(key, { body, etag, metadata: kept });
  response.writeHead(200, { etag }).end();
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code></Error>`);
}
