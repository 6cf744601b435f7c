import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

import { silentLogger, type Logger } from '#lib/runtime';

import { BatchedAnswers } from './batched-answers.js';
import { bindDatagrams } from './system-sockets.js';
import type { TrackerUdp } from './tracker-udp.js';
import type { UdpRemote } from './udp-remote.js';

export interface UdpDoorOptions {
  /** Address literal; `::` takes IPv4 too, as the operating system allows. */
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly logger?: Logger;
}

/** Room for what a fleet sends at once while this process is busy; the system may give less. */
const RECEIVE_BYTES = 4 * 1024 * 1024;
/** Bytes of answers that wait for the network; beyond it they are dropped, as UDP may at any time. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/**
 * The socket of a {@link TrackerUdp}. Node wakes us with the first datagram; where the system's own calls can
 * be had, it is answered together with all others that wait by then.
 */
export class UdpDoor {
  readonly #batched: BatchedAnswers | null;
  #closed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly tracker: TrackerUdp,
    fd: number | null,
    isV6: boolean,
  ) {
    const later = (datagram: Buffer, from: UdpRemote) =>
      this.#answer(tracker.handleLater(datagram, from), from);
    this.#batched = fd === null ? null : BatchedAnswers.at(fd, isV6, tracker, later);
    socket.on('message', (datagram, from) => {
      // The interface of a link-local address is known to dgram only.
      const isPlain = this.#batched !== null && !from.address.includes('%');
      if (!isPlain) this.#answer(this.tracker.handle(datagram, from), from);
      else if (!this.#closed) this.#batched.answerAll(datagram, from);
    });
  }

  /** @throws the system's error when it cannot listen there */
  static async open(tracker: TrackerUdp, options: UdpDoorOptions): Promise<UdpDoor> {
    const { host, port, logger = silentLogger } = options;
    const isV6 = isIPv6(host);
    const fd = bindDatagrams(host, port, RECEIVE_BYTES);
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      // One that is bound has its room already; asked for this way it would get what unprivileged processes may have.
      ...(fd === null ? { recvBufferSize: RECEIVE_BYTES } : {}),
    });
    const door = new UdpDoor(socket, tracker, fd, isV6);
    try {
      // With a socket that is bound already it listens at once.
      const listening = once(socket, 'listening');
      socket.bind(fd === null ? { address: host, port } : { fd });
      await listening;
    } catch (error) {
      await door.close();
      throw error;
    }
    socket.on('error', (error) => logger.warn('UDP socket', { error }));
    return door;
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Answers that are not ready are dropped. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }

  #answer(answer: Buffer | null | Promise<Buffer | null>, from: UdpRemote): void {
    if (answer instanceof Promise) void answer.then((bytes) => this.#send(bytes, from));
    else this.#send(answer, from);
  }

  #send(answer: Buffer | null, { port, address }: UdpRemote): void {
    if (answer === null || this.#closed) return;
    if (this.socket.getSendQueueSize() > MAX_QUEUED_BYTES) return;
    this.socket.send(answer, port, address, ignoreUnsent);
  }
}

/** Who cannot be reached asks again, or does not: the same to us. */
function ignoreUnsent(): void {}
