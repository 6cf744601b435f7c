/** Transfers that are sent at the same time: fewer leave the link idle, more delay each of them. */
export const UPLOADS_AT_ONCE = 8;
/** Requests that may wait per peer; more are rejected. */
export const UPLOAD_QUEUE_LIMIT = 256;

interface Queue<P, J> {
  readonly peer: P;
  readonly waiting: J[];
}

export interface UploadTurn<P, J> {
  readonly peer: P;
  readonly job: J;
}

/**
 * Whose request is served next: a few transfers at once, in turn over the peers that wait, and for one
 * peer in the order it asked. So a peer that asks for much delays itself and nobody else.
 *
 * Every job that was accepted leaves in exactly one way: `next` and then `ended`, `cancel`, or `drop`.
 */
export class UploadScheduler<P, J> {
  /** Peers with waiting jobs, the next in turn first. */
  readonly #turns: Queue<P, J>[] = [];
  readonly #queues = new Map<P, Queue<P, J>>();
  readonly #slots: number;
  readonly #queueLimit: number;
  #active = 0;

  constructor(slots = UPLOADS_AT_ONCE, queueLimit = UPLOAD_QUEUE_LIMIT) {
    this.#slots = slots;
    this.#queueLimit = queueLimit;
  }

  /** Transfers under way. */
  get active(): number {
    return this.#active;
  }

  /** Jobs of a peer that wait. */
  waiting(peer: P): number {
    return this.#queues.get(peer)?.waiting.length ?? 0;
  }

  /** The job of a peer that was accepted last and still waits: what follows on may be joined to it. */
  lastOf(peer: P): J | null {
    return this.#queues.get(peer)?.waiting.at(-1) ?? null;
  }

  /** @returns false when too many jobs of the peer wait: the request is to be rejected. */
  accept(peer: P, job: J): boolean {
    let queue = this.#queues.get(peer);
    if (queue === undefined) {
      queue = { peer, waiting: [] };
      this.#queues.set(peer, queue);
      this.#turns.push(queue);
    }
    if (queue.waiting.length >= this.#queueLimit) return false;
    queue.waiting.push(job);
    return true;
  }

  /**
   * Takes the next job and one of the slots; null when no slot is free or nothing waits.
   * @param mayServe false for a peer whose turn it is not, although it waits
   */
  next(mayServe: (peer: P) => boolean = () => true): UploadTurn<P, J> | null {
    if (this.#active >= this.#slots) return null;
    const turn = this.#turns.findIndex(({ peer }) => mayServe(peer));
    const [queue] = turn < 0 ? [] : this.#turns.splice(turn, 1);
    if (queue === undefined) return null;
    const job = queue.waiting.shift()!;
    if (queue.waiting.length > 0) this.#turns.push(queue);
    else this.#queues.delete(queue.peer);
    this.#active++;
    return { peer: queue.peer, job };
  }

  /** A job from `next` is over: sent, or given up. */
  ended(): void {
    this.#active--;
  }

  /** Takes back the first waiting job of the peer that `matches`; null when there is none. */
  cancel(peer: P, matches: (job: J) => boolean): J | null {
    const queue = this.#queues.get(peer);
    const index = queue?.waiting.findIndex(matches) ?? -1;
    if (queue === undefined || index < 0) return null;
    const [job] = queue.waiting.splice(index, 1);
    if (queue.waiting.length === 0) this.#forget(queue);
    return job!;
  }

  /** The peer left, or is not served any more. @returns its jobs that waited */
  drop(peer: P): readonly J[] {
    const queue = this.#queues.get(peer);
    if (queue === undefined) return [];
    this.#forget(queue);
    return queue.waiting;
  }

  #forget(queue: Queue<P, J>): void {
    this.#queues.delete(queue.peer);
    this.#turns.splice(this.#turns.indexOf(queue), 1);
  }
}
