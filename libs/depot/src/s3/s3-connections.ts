import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

import type { S3DepotOptions, S3Request } from './s3-options.js';

const CONNECT_TIMEOUT_MS = 5000;
const QUIET = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * The SDK's clients of one bucket. Bodies have connections of their own, so that slow senders can
 * not use up those that documents need; and so have second tries, because what broke the first may
 * be the connection, or the machine at its other end.
 */
export class S3Connections {
  readonly documents: S3Client;
  readonly bodies: S3Client;
  readonly fresh: S3Client;
  /** Makes signed URLs, which can carry no checksum of a body that nobody knows yet. */
  readonly signer: S3Client;
  #skewMs: number | null = null;

  /** @param limit connections of each kind that are open at once, at most */
  constructor(options: S3DepotOptions, limit: number) {
    const config = configOf(options);
    const client = (keepAlive: boolean, more: S3ClientConfig = {}) =>
      new S3Client({ ...config, ...more, requestHandler: handlerOf(options, keepAlive, limit) });
    this.documents = client(true);
    // One chain of credentials for all: asking for them may be slow, and counted by who gives them.
    const { credentials } = this.documents.config;
    this.bodies = client(true, { credentials });
    this.fresh = client(false, { credentials });
    this.signer = client(false, { credentials, requestChecksumCalculation: 'WHEN_REQUIRED' });
    for (const each of [this.documents, this.bodies, this.fresh]) {
      this.#readClock(each);
      if (options.onRequest) tellRequests(each, options.onRequest);
    }
  }

  /** By how much the store's clock is ahead of ours, as its last answer said; null before one. */
  get skewMs(): number | null {
    return this.#skewMs;
  }

  close(): void {
    for (const client of [this.documents, this.bodies, this.fresh, this.signer]) client.destroy();
  }

  #readClock(client: S3Client): void {
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const date = Date.parse(headerOf(result.response, 'date') ?? '');
        if (!Number.isNaN(date)) this.#skewMs = date - Date.now();
        return result;
      },
      // Before the answer is read, so that refusals tell their time as well.
      { step: 'deserialize', priority: 'low', name: 'readClock' },
    );
  }
}

function tellRequests(client: S3Client, onRequest: (request: S3Request) => void): void {
  client.middlewareStack.add(
    (next, { commandName = 'unknown' }) =>
      async (args) => {
        const began = performance.now();
        let status: number | null = null;
        try {
          const result = await next(args);
          status = (result.response as { statusCode?: number }).statusCode ?? null;
          return result;
        } finally {
          const operation = String(commandName).replace(/Command$/, '');
          onRequest({ operation, status, ms: performance.now() - began });
        }
      },
    { step: 'deserialize', priority: 'low', name: 'tellRequests' },
  );
}

function configOf(options: S3DepotOptions): S3ClientConfig {
  const { endpoint, region, credentials, pathStyle, checksums = true } = options;
  const usualRegion = region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const when = checksums ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return {
    // Tries are counted and spaced by us: only we know which may be made again.
    maxAttempts: 1,
    requestChecksumCalculation: when,
    responseChecksumValidation: when,
    expectContinueHeader: false,
    // Stores refuse signed bodies in smaller chunks.
    requestStreamBufferSize: 64 * 1024,
    logger: QUIET,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(usualRegion === undefined ? {} : { region: usualRegion }),
    ...(pathStyle === undefined ? {} : { forcePathStyle: pathStyle }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function handlerOf(options: S3DepotOptions, keepAlive: boolean, maxSockets: number) {
  const ca = options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] };
  return {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    httpAgent: new HttpAgent({ keepAlive, maxSockets }),
    httpsAgent: new HttpsAgent({ keepAlive, maxSockets, ...ca }),
    logger: QUIET,
  };
}

function headerOf(response: unknown, name: string): string | undefined {
  const { headers } = response as { headers?: Readonly<Record<string, string>> };
  return headers?.[name];
}
