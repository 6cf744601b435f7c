import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import type { Request } from 'express';

import { senderGone, type BodySource } from './body-source.js';

/** What Node has and does not document: the system's end of a socket, and where it reads into. */
interface Handle {
  /** Reads go there from now on, past whoever had them before. Costs some 50 bytes until the end. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  /** Whether it reads, as the socket believes. */
  reading: boolean;
}
type Insides = Record<symbol, unknown> & { readonly _handle?: Partial<Handle> | null };

/** A shorter body is done before this would pay. */
const LEAST_BYTES = 1024 * 1024;
/** For what comes when nobody waits for it. */
const SCRATCH = new Uint8Array(64 * 1024);

interface Filling {
  readonly into: Uint8Array;
  at: number;
  readonly filled: (count: number) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The body of a request, read by the system into the memory where it is wanted, in portions as large
 * as that. The HTTP parser would copy it in pieces of 64 KiB, each an event of its own: that takes
 * longer than to receive them.
 *
 * The parser is left in the middle of the body, so the connection ends with the answer.
 */
export class SocketBody implements BodySource {
  /** What the parser had read before. */
  #early: Buffer;
  /** Bytes that are still on the connection. */
  #left: number;
  #filling: Filling | null = null;
  #discards = false;
  #gone: Error | null = null;
  /** The answer is out; the end waits for the rest of the body. */
  #lingers = false;

  private constructor(
    private readonly request: IncomingMessage,
    length: number,
    private readonly handle: Handle,
    names: SocketNames,
  ) {
    const { socket } = request;
    this.#early = drained(request);
    this.#left = length - this.#early.length;
    const insides = socket as Socket & Insides;
    // As `new Socket({ onread })` would set them.
    insides[names.buffer] = SCRATCH;
    insides[names.next] = () => this.#target();
    insides[names.callback] = (count: number) => this.#arrived(count);
    // At once: the parser has asked for more, and must not be who gets it.
    handle.useUserBuffer(SCRATCH);
    // The request is told of everything that ends it, also by its server.
    request.on('error', (error) => this.#fail(error)).on('close', () => this.#fail(null));
    socket.destroySoon = () => this.#destroySoon();
  }

  /**
   * Takes the body away from the parser. Not to be called in the event of the request itself, but once
   * something has been awaited: only then has the parser handed out what came together with the head.
   * @returns null if that is not to be done: it is short, of unknown length, comes over TLS (in portions
   * of 16 KiB), or Node is not as it was when this was written
   */
  static of(request: Request): SocketBody | null {
    const length = Number(request.headers['content-length'] ?? 0);
    const { socket, res: response } = request;
    const handle = (socket as Socket & Insides)._handle;
    const isReadable = !request.destroyed && !request.complete && response?.headersSent === false;
    if (length < LEAST_BYTES || !isReadable || 'encrypted' in socket) return null;
    if (!NAMES || !isHandle(handle)) return null;
    response.shouldKeepAlive = false;
    return new SocketBody(request, length, handle, NAMES);
  }

  async fill(into: Uint8Array): Promise<number> {
    const at = this.#early.copy(into);
    this.#early = this.#early.subarray(at);
    if (at === into.length || (this.#left === 0 && !this.#gone)) return at;
    if (this.#gone) throw this.#gone;
    return new Promise((filled, failed) => {
      this.#filling = { into, at, filled, failed };
      this.#read();
    });
  }

  discard(): void {
    this.#discards = true;
    if (this.#left > 0 && !this.#filling) this.#read();
  }

  #read(): void {
    const { socket } = this.request;
    if (socket.destroyed) return;
    this.handle.useUserBuffer(this.#target());
    this.handle.reading = true;
    // Not by `resume`, which begins once more a moment later, when it may have been stopped.
    this.handle.readStart();
  }

  /** Where the next bytes go, never more than there are of this body. */
  #target(): Uint8Array {
    const { into, at } = this.#filling ?? { into: SCRATCH, at: 0 };
    return into.subarray(at, Math.min(into.length, at + Math.max(1, this.#left)));
  }

  /** @returns false for no more at the moment */
  #arrived(count: number): boolean {
    // Behind the body: the connection ends with the answer, so nobody is going to read that.
    if (this.#left === 0) return false;
    this.#left -= count;
    const filling = this.#filling;
    if (filling) {
      filling.at += count;
      if (filling.at < filling.into.length && this.#left > 0) return true;
      this.#filling = null;
      filling.filled(filling.at);
    } else if (!this.#discards) {
      this.#early = Buffer.concat([this.#early, SCRATCH.subarray(0, count)]);
    }
    if (this.#left > 0) return this.#discards;
    if (this.#lingers) this.request.socket.destroy();
    return false;
  }

  /**
   * The answer has been written. While the sender goes on, a connection that is closed would be reset,
   * and the sender would not get to read why it was refused.
   */
  #destroySoon(): void {
    const { socket } = this.request;
    if (this.#left === 0) return Socket.prototype.destroySoon.call(socket);
    this.#lingers = true;
    socket.end();
    this.discard();
  }

  #fail(cause: Error | null): void {
    if (this.#left === 0) return;
    this.#gone ??= senderGone(cause);
    this.#filling?.failed(this.#gone);
    this.#filling = null;
  }
}

/** What has come of a body so far. */
function drained(request: IncomingMessage): Buffer {
  request.pause();
  const chunks: Buffer[] = [];
  for (let chunk = request.read(); chunk !== null; chunk = request.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function isHandle(handle: Partial<Handle> | null | undefined): handle is Handle {
  return typeof handle?.useUserBuffer === 'function';
}

interface SocketNames {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
}

/** Under which names a socket keeps what `onread` of its constructor says; null if it does not. */
const NAMES = ((): SocketNames | null => {
  const own = Object.getOwnPropertySymbols(new Socket());
  const named = (name: string) => own.find(({ description }) => description === name);
  const [buffer, callback, next] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')];
  return buffer && callback && next ? { buffer, callback, next } : null;
})();
