import { connect, Socket, type SocketConstructorOpts } from 'node:net';

import { ioBuffer } from '#lib/runtime';
import { normalizeIp } from '#lib/wire';

import type { Transport, TransportHandler } from './transport.js';

/**
 * All sockets read into this one buffer, unless their handler names another: the system fills it and the
 * handler is called before anything else can run, so it is never in use twice. Reads of this size are
 * what makes them cheap, and so does that they do not pass through a stream.
 */
const READ_BUFFER = ioBuffer(256 * 1024);
/**
 * After a block that was read in place comes the head of the next one, most likely: what is read with it
 * has to be copied, so it should not be much.
 */
const EDGE_BUFFER = READ_BUFFER.subarray(0, 16 * 1024);
/** A system call is dearer than to copy less than this. */
const LEAST_IN_PLACE = 32 * 1024;

/** What Node has and does not document: the system's end of a socket, and a socket made of one. */
interface Handled {
  _handle?: {
    readonly writeQueueSize?: number;
    /** What is read from now on goes there. */
    useUserBuffer(buffer: Uint8Array): void;
  } | null;
}
type ReadInto = NonNullable<SocketConstructorOpts['onread']>;

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds until the attempt is given up. */
  readonly timeoutMs: number;
}

/** TCP. */
export class TcpTransport implements Transport {
  readonly host: string;
  readonly port: number;
  readonly #socket: Socket;
  #handler: TransportHandler | null = null;
  #corked = false;
  /** Where the system puts what it reads next. */
  #into: Uint8Array = READ_BUFFER;
  /** That is memory which the handler named. */
  #inPlace = false;
  #delivering = false;
  /** What comes is emitted as `data`, because the socket could not be made to read into our buffer. */
  #streams = false;
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
      const socket = connect({ host, port, onread: self.#readInto() });
      socket.setTimeout(timeoutMs, () => self.#fail(new Error('The peer does not answer.')));
      socket.once('connect', () => {
        socket.setTimeout(0);
        self.#handler?.connected();
      });
      return socket;
    });
  }

  /** @param socket of a server with `pauseOnConnect`; it is the transport's from now on */
  static accepted(socket: Socket): TcpTransport {
    const { remoteAddress = '', remotePort = 0 } = socket;
    return new TcpTransport(remoteAddress, remotePort, (self) => self.#adopt(socket));
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get writingBytes(): number {
    // Node counts a write only when all of it is done, which takes a slow peer a minute for a large one.
    return (this.#socket as Handled)._handle?.writeQueueSize ?? 0;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    // It may have closed before anybody listened.
    if (this.#socket.closed) handler.closed(this.#error);
    else if (this.#streams) this.#socket.on('data', (chunk) => handler.data(chunk)).resume();
    else if (!this.#socket.connecting) this.#socket.read(0);
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

  retarget(): void {
    // After a delivery the handler is asked anyway.
    if (!this.#inPlace || this.#delivering) return;
    this.#inPlace = false;
    this.#into = READ_BUFFER;
    // Each call costs some 50 bytes of the system's end until it closes: one for a block that is given up halfway.
    (this.#socket as Handled)._handle?.useUserBuffer(READ_BUFFER);
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

  #readInto(): ReadInto {
    return {
      // Asked at the beginning, and after each delivery.
      buffer: () => this.#aim(),
      callback: (count) => {
        const into = this.#into;
        this.#delivering = true;
        this.#handler?.data(count === into.length ? into : into.subarray(0, count));
        this.#delivering = false;
        return true;
      },
    };
  }

  #aim(): Uint8Array {
    const named = this.#handler?.into?.() ?? null;
    const inPlace = named !== null && named.length >= LEAST_IN_PLACE;
    if (inPlace) this.#into = named;
    else this.#into = this.#inPlace ? EDGE_BUFFER : READ_BUFFER;
    this.#inPlace = inPlace;
    return this.#into;
  }

  /** Node lets only those who dial say where to read into: the system's end moves to a socket of ours. */
  #adopt(accepted: Socket): Socket {
    const { _handle: handle } = accepted as Handled;
    if (!handle) {
      this.#streams = true;
      return accepted;
    }
    // Without its end the accepted socket is an empty shell, and its server no longer counts it.
    (accepted as Handled)._handle = null;
    accepted.destroy();
    const options = { handle, manualStart: true, onread: this.#readInto() };
    return new Socket(options as unknown as SocketConstructorOpts);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }
}
