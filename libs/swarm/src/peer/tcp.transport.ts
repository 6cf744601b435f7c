import { connect, type Socket } from 'node:net';

import { normalizeIp } from '#lib/wire';

import type { Transport, TransportHandler } from './transport.js';

/**
 * All dialled sockets read into this one buffer: the system fills it and the handler is called before
 * anything else can run, so it is never in use twice. Reads of this size are what makes them cheap.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds until the attempt is given up. */
  readonly timeoutMs: number;
}

/** TCP. Dialled sockets read into one large buffer, which Node offers for those only. */
export class TcpTransport implements Transport {
  readonly host: string;
  readonly port: number;
  readonly #socket: Socket;
  #handler: TransportHandler | null = null;
  #corked = false;
  #error: Error | null = null;

  private constructor(host: string, port: number, makeSocket: (self: TcpTransport) => Socket) {
    this.host = normalizeIp(host) ?? host;
    this.port = port;
    this.#socket = makeSocket(this);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.#socket.on('close', () => this.#handler?.closed(this.#error));
  }

  /** Begins to connect; the handler hears of `connected`, or of `closed`. */
  static dial({ host, port, timeoutMs }: DialOptions): TcpTransport {
    return new TcpTransport(host, port, (self) => {
      const callback = (count: number) => self.#received(READ_BUFFER.subarray(0, count));
      const socket = connect({ host, port, onread: { buffer: READ_BUFFER, callback } });
      socket.setTimeout(timeoutMs, () => self.#fail(new Error('The peer does not answer.')));
      socket.once('connect', () => {
        socket.setTimeout(0);
        self.#handler?.connected();
      });
      return socket;
    });
  }

  static accepted(socket: Socket): TcpTransport {
    const { remoteAddress = '', remotePort = 0 } = socket;
    return new TcpTransport(remoteAddress, remotePort, () => socket);
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get writingBytes(): number {
    // Node counts a write only when all of it is done, which takes a slow peer a minute for a large one.
    const { _handle: handle } = this.#socket as { _handle?: { writeQueueSize?: number } | null };
    return handle?.writeQueueSize ?? 0;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    // It may have closed before anybody listened.
    if (this.#socket.closed) handler.closed(this.#error);
    else if (!this.#socket.connecting) this.#socket.on('data', (chunk) => this.#received(chunk));
  }

  send(head: Uint8Array, body?: Uint8Array, sent?: () => void): void {
    if (this.#socket.destroyed) {
      if (sent) process.nextTick(sent);
      return;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    if (body === undefined) {
      this.#socket.write(head, sent);
    } else {
      this.#socket.write(head);
      this.#socket.write(body, sent);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  readonly #uncork = () => {
    this.#corked = false;
    this.#socket.uncork();
  };

  #received(chunk: Uint8Array): boolean {
    this.#handler?.data(chunk);
    return true;
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }
}
