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

/** Divides jobs that cannot be served at once. */
export interface UploadCutter<P, J> {
  /** The job, or a part of it that is then no longer in it; null to pass the peer over for now. */
  cut(peer: P, job: J): J | null;
  /** A part was begun: whether the rest goes before the jobs of others. */
  goesOn(peer: P): boolean;
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

  /** Nothing waits. */
  get isIdle(): boolean {
    return this.#turns.length === 0;
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

  /** Takes the next job, or part of one, and one of the slots; null when no slot is free or nothing waits. */
  next(cutter?: UploadCutter<P, J>): UploadTurn<P, J> | null {
    if (this.#active >= this.#slots) return null;
    for (let at = 0; at < this.#turns.length; at++) {
      const queue = this.#turns[at]!;
      const { peer, waiting } = queue;
      const job = waiting[0]!;
      const part = cutter ? cutter.cut(peer, job) : job;
      if (part === null) continue;
      this.#turns.splice(at, 1);
      if (part === job) waiting.shift();
      if (waiting.length === 0) this.#queues.delete(peer);
      else if (part !== job && cutter!.goesOn(peer)) this.#turns.unshift(queue);
      else this.#turns.push(queue);
      this.#active++;
      return { peer, job: part };
    }
    return null;
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
