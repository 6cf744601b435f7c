import { BATCH, DatagramBatch, HEAD_BYTES } from './datagram-batch.js';
import { systemSockets, type SystemSockets } from './system-sockets.js';
import { LATER, type TrackerUdp } from './tracker-udp.js';
import { RemoteWords, type UdpRemote } from './udp-remote.js';

const MSG_DONTWAIT = 0x40;
/** After so long others in this process get their turn, ms; what is under way then takes one or two more. */
const TURN_MS = 5;
/**
 * So many that have to wait for somebody end a turn too: their work is done after us, where no look at the time
 * can stop it, and each takes ten times as long as an answer at once.
 */
const MOST_LATER = 32;

/** Takes what cannot be answered at once. */
export type TakeLater = (datagram: Buffer, from: UdpRemote) => void;

/** Answers everything that waits at a socket, by the hundred. */
export class BatchedAnswers {
  readonly #remote = new RemoteWords();
  readonly #received: DatagramBatch;
  readonly #answers: DatagramBatch;
  readonly #receivedAt: bigint;
  readonly #answersAt: bigint;
  /** When it was first called in this turn of the event loop; 0 before. */
  #begun = 0;
  /** Datagrams of this turn that could not be answered at once. */
  #postponed = 0;
  readonly #endTurn = (): void => {
    this.#begun = 0;
    this.#postponed = 0;
  };

  private constructor(
    private readonly fd: number,
    private readonly isV6: boolean,
    private readonly tracker: TrackerUdp,
    private readonly later: TakeLater,
    private readonly calls: SystemSockets,
    pointerTo: (bytes: Uint8Array) => bigint,
  ) {
    this.#received = new DatagramBatch(pointerTo);
    this.#answers = new DatagramBatch(pointerTo);
    this.#receivedAt = pointerTo(this.#received.heads);
    this.#answersAt = pointerTo(this.#answers.heads);
  }

  /** @param isV6 whether the socket is one of IPv6. */
  static at(
    fd: number,
    isV6: boolean,
    tracker: TrackerUdp,
    later: TakeLater,
  ): BatchedAnswers | null {
    const system = systemSockets();
    return system && new BatchedAnswers(fd, isV6, tracker, later, system.calls, system.pointerTo);
  }

  /**
   * Answers the datagram that woke us, and with it all that wait: for a few milliseconds in one turn of the
   * event loop, in which Node may call several times, or until many of them have to be asked about.
   */
  answerAll(first: Buffer, from: UdpRemote): void {
    if (this.#begun === 0) {
      this.#begun = performance.now();
      setImmediate(this.#endTurn);
    }
    let made = this.#answerFirst(first, from);
    while (this.#postponed < MOST_LATER && performance.now() - this.#begun < TURN_MS) {
      // Where one had to wait, most others may have to.
      const most = this.#postponed === 0 ? BATCH : MOST_LATER - this.#postponed;
      const room = Math.min(BATCH - made, most);
      const count = this.calls.recvmmsg(this.fd, this.#receivedAt, room, MSG_DONTWAIT, 0n);
      if (count > 0) made = this.#answerBatch(count, made);
      this.#send(made);
      if (count < room) return;
      made = 0;
    }
    this.#send(made);
  }

  /** @returns how many answers there are to be sent: one or none */
  #answerFirst(datagram: Buffer, from: UdpRemote): number {
    const [answers, remote] = [this.#answers, this.#remote];
    remote.set(from);
    const { length } = datagram;
    const bytes = this.tracker.handleInto(datagram, 0, length, remote, answers.bytes, 0);
    if (bytes === LATER) this.#postpone(datagram, from);
    if (bytes <= 0) return 0;
    answers.addressTo(0, bytes, remote, this.isV6);
    return 1;
  }

  /** @param before answers that there are already. @returns how many there are to be sent */
  #answerBatch(count: number, before: number): number {
    const [received, answers, remote] = [this.#received, this.#answers, this.#remote];
    let made = before;
    for (let nth = 0; nth < count; nth++) {
      const at = received.offsetOf(nth);
      const length = received.lengthOf(nth);
      received.readSender(nth, remote);
      const out = answers.offsetOf(made);
      const bytes = this.tracker.handleInto(received.bytes, at, length, remote, answers.bytes, out);
      if (bytes > 0) answers.address(made++, bytes, received, nth);
      else if (bytes === LATER) {
        const datagram = Buffer.from(received.bytes.subarray(at, at + length));
        this.#postpone(datagram, remote.toRemote());
      }
    }
    return made;
  }

  #postpone(datagram: Buffer, from: UdpRemote): void {
    this.#postponed++;
    this.later(datagram, from);
  }

  #send(count: number): void {
    for (let sent = 0; sent < count;) {
      const heads = this.#answersAt + BigInt(sent * HEAD_BYTES);
      const done = this.calls.sendmmsg(this.fd, heads, count - sent, MSG_DONTWAIT);
      // One that cannot be sent is left out, as UDP may at any time; the others get theirs.
      sent += done > 0 ? done : 1;
    }
  }
}
