/** What a replica says of itself. */
export interface ReplicaFacts {
  /** Of the roles `api`, `tracker`, `seed` and `work` those it has. */
  readonly roles: readonly string[];
  /** `HOST:PORT` under which peers reach its seeder; null when it does not seed. */
  readonly peer: string | null;
  /** Ms since the epoch, by its own clock. */
  readonly startedAt: number;
}

export interface LivingReplica extends ReplicaFacts {
  /** Random per process. */
  readonly replica: string;
}

/** A replica that was not heard for so long is dropped, ms: three beats and a half. */
export const SILENCE_MS = 7000;
/** More replicas than any fleet has; what is beyond is not remembered. */
const MAX_REPLICAS = 1000;

/**
 * Who is alive, from the beats of the others. Pure: times are the caller's, in ms of one clock. Each
 * method says whether the list has changed.
 */
export class Membership {
  readonly #others = new Map<string, { readonly facts: LivingReplica; heardAt: number }>();
  /** Said good-bye: a beat that was under way must not bring them back. By id: until when, ms. */
  readonly #gone = new Map<string, number>();

  constructor(private readonly silenceMs = SILENCE_MS) {}

  heard(facts: LivingReplica, nowMs: number): boolean {
    if ((this.#gone.get(facts.replica) ?? 0) > nowMs) return false;
    const known = this.#others.get(facts.replica);
    if (!known && this.#others.size >= MAX_REPLICAS) return false;
    this.#others.set(facts.replica, { facts, heardAt: nowMs });
    return !known || !isSame(known.facts, facts);
  }

  left(replica: string, nowMs: number): boolean {
    for (const [each, until] of this.#gone) if (until <= nowMs) this.#gone.delete(each);
    if (this.#gone.size < MAX_REPLICAS) this.#gone.set(replica, nowMs + this.silenceMs);
    return this.#others.delete(replica);
  }

  /** Drops who was silent for too long. Not to be called while nobody could be heard. */
  expire(nowMs: number): boolean {
    const before = this.#others.size;
    for (const [replica, { heardAt }] of this.#others) {
      if (nowMs - heardAt >= this.silenceMs) this.#others.delete(replica);
    }
    return this.#others.size < before;
  }

  /** Nobody could be heard until now: everybody gets the whole time to be heard again. */
  pardon(nowMs: number): void {
    for (const other of this.#others.values()) other.heardAt = nowMs;
  }

  /** For how long the one that was silent longest of all has been, ms; 0 where there are no others. */
  longestSilence(nowMs: number): number {
    let heardAt = nowMs;
    for (const other of this.#others.values()) heardAt = Math.min(heardAt, other.heardAt);
    return nowMs - heardAt;
  }

  /** The others, the eldest first. */
  others(): LivingReplica[] {
    return [...this.#others.values()].map(({ facts }) => facts).sort(eldestFirst);
  }
}

/** One order for all replicas. */
export function eldestFirst(a: LivingReplica, b: LivingReplica): number {
  return a.startedAt - b.startedAt || (a.replica < b.replica ? -1 : 1);
}

function isSame(a: LivingReplica, b: LivingReplica): boolean {
  return a.peer === b.peer && a.startedAt === b.startedAt && a.roles.join() === b.roles.join();
}
