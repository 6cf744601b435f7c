import { FleetseedError } from '#lib/contracts';

import type { PeerSender } from './peer-sender.js';
import type { PeerTimeouts } from './peer.types.js';
import type { Transport } from './transport.js';

/** A peer that does not read is closed when this much waits for it, bytes. */
const QUEUE_LIMIT = 32 * 1024 * 1024;
/** The same for answers that it asked for and does not read, as they lie in memory. */
const ANSWERS_LIMIT = 4 * 1024 * 1024;
/** What is sent to a peer is stuck when it took nothing for so long, milliseconds. */
const STUCK_MS = 2000;

/**
 * Notices that a peer is there but does not go on: it does not greet, ends no message, or does not read.
 * Times are monotonic milliseconds.
 */
export class PeerLiveness {
  /** When a message or a block that we asked for last went on; single bytes of the rest do not count. */
  heardAt: number;
  /** When the greeting last went on. */
  stageAt: number;
  /** When the peer last took something of what waits for it. */
  #takenAt: number;
  #taken = 0;
  #writing = 0;

  constructor(
    private readonly transport: Transport,
    private readonly timeouts: PeerTimeouts,
    now: number,
  ) {
    this.heardAt = this.stageAt = this.#takenAt = now;
  }

  /** How long the peer has taken nothing of what waits for it; 0 when it is not stuck. As of the last look. */
  stuckMs(now: number): number {
    const silentMs = now - this.#takenAt;
    return this.transport.queuedBytes > 0 && silentMs > STUCK_MS ? silentMs : 0;
  }

  /** To be called a few times a second. @returns why the connection is to be closed */
  look(isKnown: boolean, send: PeerSender | null, now: number): FleetseedError | null {
    const { handshakeMs, idleMs, unreadMs } = this.timeouts;
    this.#seeTaken(send, now);
    if (!isKnown && now - this.stageAt > handshakeMs) {
      return timedOut(`The peer did not send its ${send ? 'extension ' : ''}handshake.`);
    }
    if (isKnown && now - this.heardAt > idleMs) {
      return timedOut('The peer was silent for too long.');
    }
    if (this.stuckMs(now) > unreadMs) return doesNotRead();
    return this.checkQueue(send);
  }

  /** Whether too much waits for the peer. */
  checkQueue(send: PeerSender | null): FleetseedError | null {
    const { queuedBytes } = this.transport;
    if (queuedBytes > QUEUE_LIMIT) return doesNotRead();
    return queuedBytes > 0 && send && send.unreadAnswers > ANSWERS_LIMIT ? doesNotRead() : null;
  }

  #seeTaken(send: PeerSender | null, now: number): void {
    const { queuedBytes, writingBytes } = this.transport;
    const taken = (send?.sentBytes ?? 0) - queuedBytes;
    if (queuedBytes > 0 && taken === this.#taken && writingBytes === this.#writing) return;
    this.#taken = taken;
    this.#writing = writingBytes;
    this.#takenAt = now;
  }
}

/** It may be a machine that died, but who does it again and again does it on purpose. */
export function doesNotRead(): FleetseedError {
  const text = 'The peer does not read what it is sent.';
  return new FleetseedError('TIMED_OUT', text, { offence: true });
}

function timedOut(text: string): FleetseedError {
  return new FleetseedError('TIMED_OUT', text);
}
