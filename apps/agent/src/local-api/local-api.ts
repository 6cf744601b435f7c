import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import type { TargetApp } from '#lib/contracts';

import { metricsText, type AgentMetrics } from './metrics-text.js';

/** What other programs on the machine may know. */
export interface AgentStatus {
  readonly target: string;
  readonly hostname: string;
  readonly version: string;
  /** Whether the control link to the origin is up; what runs does not depend on it. */
  readonly connected: boolean;
  readonly peerAddress: string;
  readonly apps: readonly TargetApp[];
}

export interface LocalApiOptions {
  /** Path of a Unix socket: the file's folder decides who on the machine may ask. */
  readonly socket: string;
  readonly status: () => AgentStatus;
  readonly metrics: () => AgentMetrics;
}

/**
 * Read-only HTTP on a Unix socket: `GET /status` (JSON) and `GET /metrics` (Prometheus text). Only the
 * agent's user reaches it.
 */
export class LocalApi {
  readonly #server: Server;

  constructor(private readonly options: LocalApiOptions) {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.requestTimeout = 10_000;
    this.#server.maxConnections = 32;
  }

  async listen(): Promise<void> {
    // A socket file outlives the process that was killed; the data folder's lock says it is ours.
    await rm(this.options.socket, { force: true });
    const before = process.umask(0o177);
    try {
      this.#server.listen(this.options.socket);
      await once(this.#server, 'listening');
    } finally {
      process.umask(before);
    }
    this.#server.unref();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Only GET.\n');
    if (request.url === '/status') {
      const body = `${JSON.stringify(this.options.status(), null, 2)}\n`;
      return send(response, 200, 'application/json', body);
    }
    if (request.url === '/metrics') {
      const type = 'text/plain; version=0.0.4; charset=utf-8';
      return send(response, 200, type, metricsText(this.options.metrics()));
    }
    send(response, 404, 'text/plain', 'There are /status and /metrics.\n');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
