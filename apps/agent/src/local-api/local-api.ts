import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import {
  FleetseedError,
  LimitsChange,
  configurationError,
  systemErrorCode,
  toFleetseedError,
  type LimitsState,
  type TargetApp,
} from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { metricsText, type AgentMetrics } from './metrics-text.js';
import { jsonOf } from './request-body.js';

// To import its namespace would load what Node keeps for later, WebSocket and fetch: 10 MB of memory.
const { createServer } = process.getBuiltinModule('node:http');

/** What other programs on the machine may know. */
export interface AgentStatus {
  readonly target: string;
  readonly hostname: string;
  readonly version: string;
  /** Whether the control link to the origin is up; what runs does not depend on it. */
  readonly connected: boolean;
  readonly peerAddress: string;
  readonly limits: LimitsState;
  readonly apps: readonly TargetApp[];
}

export interface LocalApiOptions {
  /** Path of a Unix socket: the file's folder decides who on the machine may ask. */
  readonly socket: string;
  readonly status: () => AgentStatus;
  readonly metrics: () => AgentMetrics;
  readonly limit: (change: LimitsChange) => LimitsState;
  readonly logger: Logger;
}

/**
 * HTTP on a Unix socket: `GET /status` and `GET /limits` (JSON), `GET /metrics` (Prometheus text), and
 * `PATCH /limits` with a `LimitsChange`, which answers the limits as they are then. Only the agent's user
 * reaches it.
 */
export class LocalApi {
  readonly #server: Server;

  constructor(private readonly options: LocalApiOptions) {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.requestTimeout = 10_000;
    this.#server.maxConnections = 32;
  }

  /** @throws CONFIG_INVALID when the socket cannot be made: its path is too long, its folder not there */
  async listen(): Promise<void> {
    const { socket, logger } = this.options;
    // A socket file outlives the process that was killed; the data folder's lock says it is ours.
    await rm(socket, { force: true });
    try {
      this.#bind(socket);
      await once(this.#server, 'listening');
    } catch (error) {
      const why = systemErrorCode(error) ?? String(error);
      throw configurationError('localApi', `the socket ${socket} cannot be made (${why})`, error);
    }
    this.#server.on('error', (error) => logger.error('local API failed', { error }));
    this.#server.unref();
  }

  /** The mask is the whole process's: it is back before anything else has a turn. */
  #bind(socket: string): void {
    const before = process.umask(0o177);
    try {
      this.#server.listen(socket);
    } finally {
      process.umask(before);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method, url } = request;
    if (method === 'PATCH' && url === '/limits') void this.#limit(request, response);
    else if (method === 'GET') this.#show(url, response);
    else send(response, 405, 'text/plain', 'Only GET, and PATCH of /limits.\n');
  }

  #show(url: string | undefined, response: ServerResponse): void {
    const { status, metrics } = this.options;
    if (url === '/status') return sendJson(response, 200, status());
    if (url === '/limits') return sendJson(response, 200, status().limits);
    if (url === '/metrics') {
      const type = 'text/plain; version=0.0.4; charset=utf-8';
      return send(response, 200, type, metricsText(metrics()));
    }
    send(response, 404, 'text/plain', 'There are /status, /limits and /metrics.\n');
  }

  async #limit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { limit, logger } = this.options;
    try {
      const parsed = LimitsChange.safeParse(await jsonOf(request));
      if (!parsed.success) {
        const reason = parsed.error.issues[0]?.message ?? 'not valid';
        throw new FleetseedError('REQUEST_INVALID', `The limits cannot be set: ${reason}.`);
      }
      const state = limit(parsed.data);
      logger.info('limits changed', { ...parsed.data });
      sendJson(response, 200, state);
    } catch (thrown) {
      const { status, code, message } = toFleetseedError(thrown);
      sendJson(response, status, { code, detail: message });
    }
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(value, null, 2)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
