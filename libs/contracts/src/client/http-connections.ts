import type { Agent, ClientRequest, RequestOptions } from 'node:http';

const CONNECT_MS = 10_000;
const KEEP_MS = 15_000;

/** Ends an exchange in which the other side was silent for too long. */
export class HttpTimeoutError extends Error {
  override readonly name = 'HttpTimeoutError';
}

/**
 * Connections to HTTP servers; one that is free is used again for 15 seconds. Node's own client, because
 * every machine carries it: one that is loaded besides costs an agent 20 MB and a tenth of a CPU-second.
 */
export class HttpConnections {
  #plain: Agent | null = null;
  #secure: Agent | null = null;

  /** @param ca PEM of the authority that signed the certificates of servers; else those known to Node */
  constructor(private readonly ca?: Buffer) {}

  /** Begins a request, which fails with {@link HttpTimeoutError} without a connection within 10 s. */
  request(url: URL, options: RequestOptions): ClientRequest {
    const secure = url.protocol === 'https:';
    const agent = secure ? this.#secureAgent() : this.#plainAgent();
    const request = (secure ? https() : http()).request(url, { ...options, agent });
    request.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = () => request.destroy(new HttpTimeoutError('no connection within 10 s'));
      const timer = setTimeout(late, CONNECT_MS);
      for (const over of ['connect', 'close']) socket.once(over, () => clearTimeout(timer));
    });
    return request;
  }

  /** Breaks all connections, also those in use. */
  destroy(): void {
    this.#plain?.destroy();
    this.#secure?.destroy();
  }

  #plainAgent(): Agent {
    return (this.#plain ??= new (http().Agent)({ keepAlive: true, timeout: KEEP_MS }));
  }

  #secureAgent(): Agent {
    const trust = this.ca === undefined ? {} : { ca: this.ca };
    return (this.#secure ??= new (https().Agent)({ keepAlive: true, timeout: KEEP_MS, ...trust }));
  }
}

// As imports they would be loaded at once; most processes never need TLS.
const http = () => process.getBuiltinModule('node:http');
const https = () => process.getBuiltinModule('node:https');
