import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

import type { Clock } from '#lib/runtime';
import {
  decodeUdpAnswer,
  encodeUdpRequest,
  UDP_ACTION,
  type UdpAnnounce,
  type UdpAnswer,
  type UdpRequest,
} from '#lib/wire';

/**
 * How long each of the times that a datagram is sent waits for the answer, milliseconds. BEP 15 starts
 * at 15 s and doubles eight times: a deployment would be over before the second.
 */
const WAITS_MS = [1000, 2000, 4000];
/** A client may use a connection id for a minute (BEP 15). */
const CONNECTION_MS = 60_000;

type Announce = Omit<UdpAnnounce, 'action' | 'connectionId' | 'transactionId'>;

/** A request that waits for its answer. */
interface Waiting {
  readonly action: number;
  readonly answered: (answer: UdpAnswer) => void;
  readonly failed: (error: Error) => void;
}

/**
 * The line to one tracker at one address. Its socket is connected, so the system drops datagrams from
 * anybody else and tells when nobody listens there; an answer counts only when it has the 32 random
 * bits of a request that waits, and its action. The socket is closed a minute after the last use.
 */
export class UdpLine {
  readonly #family: 4 | 6;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<Socket> | null = null;
  #connectionId: Buffer | null = null;
  #connectedUntil = 0;
  #cancelRest: () => void = () => {};
  #closed = false;

  constructor(
    private readonly address: string,
    private readonly port: number,
    private readonly clock: Clock,
  ) {
    this.#family = isIPv6(address) ? 6 : 4;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** A connection id is there that may still be used. */
  get isConnected(): boolean {
    return this.#connectionId !== null && this.clock.monotonic() < this.#connectedUntil;
  }

  /** The connection id is of no use any more. */
  forget(): void {
    this.#connectionId = null;
  }

  /**
   * Announces; the answer is an announce or an error. Rejects with a `TimeoutError` when the tracker is
   * silent, with the system's error when nobody is there, or with the signal's reason.
   */
  async announce(told: Announce, signal: AbortSignal): Promise<UdpAnswer> {
    this.#cancelRest();
    try {
      if (this.isConnected) {
        const answer = await this.#tell(told, signal, WAITS_MS.slice(0, 1));
        // Silence may mean that it was started anew and does not know the id.
        if (answer !== null) return answer;
        this.forget();
      }
      const refusal = await this.#connect(signal);
      const answer = refusal ?? (await this.#tell(told, signal, WAITS_MS));
      if (answer !== null) return answer;
      throw silence();
    } finally {
      this.#cancelRest = this.clock.setTimer(CONNECTION_MS, () => this.#close(silence()));
    }
  }

  async #connect(signal: AbortSignal): Promise<UdpAnswer | null> {
    const make = (transactionId: number) => ({ action: 'connect', transactionId }) as const;
    const answer = await this.#exchange(make, signal, WAITS_MS);
    if (answer === null) throw silence();
    if (answer.action !== 'connect') return answer;
    this.#connectionId = answer.connectionId;
    this.#connectedUntil = this.clock.monotonic() + CONNECTION_MS;
    return null;
  }

  #tell(told: Announce, signal: AbortSignal, waitsMs: readonly number[]) {
    const connectionId = this.#connectionId!;
    const make = (transactionId: number): UdpRequest => ({
      action: 'announce',
      connectionId,
      transactionId,
      ...told,
    });
    return this.#exchange(make, signal, waitsMs);
  }

  /** Sends until it is answered. @returns null when it never is */
  async #exchange(
    make: (transactionId: number) => UdpRequest,
    signal: AbortSignal,
    waitsMs: readonly number[],
  ): Promise<UdpAnswer | null> {
    signal.throwIfAborted();
    this.#socket ??= this.#open();
    const socket = await this.#socket;
    signal.throwIfAborted();
    // Sent again it is the same request: a late answer to the first copy is as good.
    const transactionId = randomBytes(4).readUInt32BE(0);
    const request = make(transactionId);
    const datagram = encodeUdpRequest(request);
    const { promise, resolve, reject } = Promise.withResolvers<UdpAnswer | null>();
    const action = UDP_ACTION[request.action];
    this.#waiting.set(transactionId, { action, answered: resolve, failed: reject });
    let cancelTimer = () => {};
    const send = (time: number) => {
      socket.send(datagram);
      cancelTimer = this.clock.setTimer(waitsMs[time]!, () => {
        if (time + 1 < waitsMs.length) send(time + 1);
        else resolve(null);
      });
    };
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.ref();
    send(0);
    try {
      return await promise;
    } finally {
      cancelTimer();
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(transactionId);
      if (this.#waiting.size === 0 && !this.#closed) socket.unref();
    }
  }

  #open(): Promise<Socket> {
    const socket = createSocket(this.#family === 6 ? 'udp6' : 'udp4');
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    socket.on('message', (bytes) => this.#received(bytes));
    socket.on('error', (error) => {
      reject(error);
      this.#close(error);
    });
    // With a callback a failure would be told to that alone.
    socket.on('connect', () => resolve(socket));
    socket.connect(this.port, this.address);
    return promise;
  }

  #received(bytes: Buffer): void {
    if (bytes.length < 8) return;
    const waiting = this.#waiting.get(bytes.readUInt32BE(4));
    const action = bytes.readUInt32BE(0);
    if (!waiting || (action !== waiting.action && action !== UDP_ACTION.error)) return;
    try {
      waiting.answered(decodeUdpAnswer(bytes, this.#family));
    } catch (error) {
      waiting.failed(error as Error);
    }
  }

  #close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelRest();
    for (const { failed } of this.#waiting.values()) failed(error);
    this.#socket?.then(
      (socket) => socket.close(),
      () => {},
    );
  }
}

function silence(): Error {
  return new DOMException('The tracker did not answer.', 'TimeoutError');
}
