/** What another replica said of a target; times are ms since the epoch, by the clock of this process. */
export interface SeenElsewhere {
  readonly instance: string;
  readonly streams: number;
  readonly lastSeenAt: number;
  /** When the newest session that was used there ends. */
  readonly sessionEndsAt: number;
}

/** All replicas that have ended, of which there may be any number in the life of this one. */
const GONE = '';

/** Which targets are there at other replicas, as those have told. */
export class PresenceElsewhere {
  /** By target and replica. */
  readonly #targets = new Map<string, Map<string, SeenElsewhere>>();

  heard(target: string, replica: string, seen: SeenElsewhere): void {
    const replicas = this.#targets.get(target) ?? new Map<string, SeenElsewhere>();
    this.#targets.set(target, replicas.set(replica, seen));
  }

  /** Said by a replica that is ending or was thought to have ended: its streams do not count. */
  heardOfGone(target: string, seen: SeenElsewhere): void {
    const replicas = this.#targets.get(target) ?? new Map<string, SeenElsewhere>();
    this.#targets.set(target, replicas);
    noteGone(replicas, seen);
  }

  /** Event streams that the target has open at others. */
  streams(target: string): number {
    let streams = 0;
    for (const seen of this.#targets.get(target)?.values() ?? []) streams += seen.streams;
    return streams;
  }

  /** Ms since the epoch; 0 for a target that nobody spoke of. */
  lastSeenAt(target: string): number {
    let last = 0;
    for (const { lastSeenAt } of this.#targets.get(target)?.values() ?? []) {
      last = Math.max(last, lastSeenAt);
    }
    return last;
  }

  /** When the newest session of the instance ends; 0 for one that nobody spoke of. */
  sessionEndsAt(target: string, instance: string): number {
    let last = 0;
    for (const seen of this.#targets.get(target)?.values() ?? []) {
      if (seen.instance === instance) last = Math.max(last, seen.sessionEndsAt);
    }
    return last;
  }

  targets(): Iterable<string> {
    return this.#targets.keys();
  }

  /** The replica has ended: so have its streams. When it saw a target last is remembered. */
  replicaGone(replica: string): void {
    for (const replicas of this.#targets.values()) {
      const seen = replicas.get(replica);
      if (!seen) continue;
      replicas.delete(replica);
      noteGone(replicas, seen);
    }
  }

  forget(target: string): void {
    this.#targets.delete(target);
  }
}

function noteGone(replicas: Map<string, SeenElsewhere>, seen: SeenElsewhere): void {
  const isLast = seen.lastSeenAt >= (replicas.get(GONE)?.lastSeenAt ?? 0);
  if (isLast) replicas.set(GONE, { ...seen, streams: 0 });
}
