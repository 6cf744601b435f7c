import { BATCH, DatagramBatch, HEAD_BYTES } from './datagram-batch.js';
import { systemSockets, type SystemSockets } from './system-sockets.js';
import { LATER, type TrackerUdp } from './tracker-udp.js';
import { RemoteWords, type UdpRemote } from './udp-remote.js';

const MSG_DONTWAIT = 0x40;
/** After so long others in this process get their turn, ms; a batch takes one or two. */
const TURN_MS = 3;

/** Takes what cannot be answered at once. */
export type TakeLater = (datagram: Buffer, from: UdpRemote) => void;

/** Answers everything that waits at a socket, by the hundred. */
export class BatchedAnswers {
  readonly #remote = new RemoteWords();
  readonly #received: DatagramBatch;
  readonly #answers: DatagramBatch;
  readonly #receivedAt: bigint;
  readonly #answersAt: bigint;
  /** Others have to get their turn first. */
  #isDone = false;
  readonly #goOn = (): void => {
    this.#isDone = false;
  };

  private constructor(
    private readonly fd: number,
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

  static at(fd: number, tracker: TrackerUdp, later: TakeLater): BatchedAnswers | null {
    const system = systemSockets();
    return system && new BatchedAnswers(fd, tracker, later, system.calls, system.pointerTo);
  }

  /** For a few milliseconds in one turn of the event loop, in which Node may call several times. */
  answerAll(): void {
    if (this.#isDone) return;
    const begun = performance.now();
    do {
      const count = this.calls.recvmmsg(this.fd, this.#receivedAt, BATCH, MSG_DONTWAIT, 0n);
      if (count <= 0) return;
      this.#send(this.#answerBatch(count));
      if (count < BATCH) return;
    } while (performance.now() - begun < TURN_MS);
    this.#isDone = true;
    setImmediate(this.#goOn);
  }

  /** @returns how many answers there are to be sent */
  #answerBatch(count: number): number {
    const [received, answers, remote] = [this.#received, this.#answers, this.#remote];
    let made = 0;
    for (let nth = 0; nth < count; nth++) {
      const at = received.offsetOf(nth);
      const length = received.lengthOf(nth);
      received.readSender(nth, remote);
      const out = answers.offsetOf(made);
      const bytes = this.tracker.handleInto(received.bytes, at, length, remote, answers.bytes, out);
      if (bytes > 0) answers.address(made++, bytes, received, nth);
      else if (bytes === LATER) {
        this.later(Buffer.from(received.bytes.subarray(at, at + length)), remote.toRemote());
      }
    }
    return made;
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
