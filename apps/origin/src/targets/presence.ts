import { FleetseedError } from '#lib/contracts';

/** For so long after its last sign a target is shown as there, and an instance may yet open its stream, ms. */
const SILENCE_MS = 15_000;

interface Seen {
  readonly instance: string;
  readonly streams: number;
  readonly lastSeenAt: number;
  /** Until when the instance holds its identity without a stream, ms since the epoch. */
  readonly heldUntil: number;
  /** When the newest session token of the instance ends, ms since the epoch. */
  readonly sessionEndsAt: number;
}

/**
 * Which instance of each target is there, in memory: it can be rebuilt from what agents send.
 *
 * An instance holds its identity while its event stream is open, and for 15 seconds after a request.
 * Another instance is refused meanwhile: two machines have the same identity, most often because a
 * disk was cloned. When the last stream closes the identity is free at once: an agent that was killed
 * and starts again proves itself and goes on, and one that lives holds a stream again in a moment.
 */
export class Presence {
  readonly #targets = new Map<string, Seen>();

  /**
   * A proven request of an instance came in, with a session that ends at `sessionEndsAt`.
   * @throws DUPLICATE_IDENTITY while another instance holds the identity.
   */
  seen(target: string, instance: string, nowMs: number, sessionEndsAt = 0): void {
    const other = this.#targets.get(target);
    const same = other?.instance === instance;
    if (other && !same && holdsIdentity(other, nowMs)) {
      throw new FleetseedError(
        'DUPLICATE_IDENTITY',
        'Another running agent has the identity of this target. If this machine was cloned, remove ' +
          'the state folder of its agent and join again; after a crash it comes free by itself.',
        { target },
      );
    }
    this.#targets.set(target, {
      instance,
      streams: same ? other.streams : 0,
      lastSeenAt: nowMs,
      heldUntil: nowMs + SILENCE_MS,
      sessionEndsAt: same ? Math.max(other.sessionEndsAt, sessionEndsAt) : sessionEndsAt,
    });
  }

  /** An event stream of the instance is open. @returns what to call when it is closed. */
  streamOpened(target: string, instance: string, nowMs: number): (closedAtMs: number) => void {
    this.seen(target, instance, nowMs);
    this.#addStreams(target, instance, 1, nowMs);
    let open = true;
    return (closedAtMs) => {
      if (open) this.#addStreams(target, instance, -1, closedAtMs);
      open = false;
    };
  }

  isOnline(target: string, nowMs: number): boolean {
    const seen = this.#targets.get(target);
    return seen !== undefined && isThere(seen, nowMs);
  }

  /** Ms since the epoch; null for a target that this process has not seen. */
  lastSeenAt(target: string): number | null {
    return this.#targets.get(target)?.lastSeenAt ?? null;
  }

  onlineCount(nowMs: number): number {
    let count = 0;
    for (const seen of this.#targets.values()) if (isThere(seen, nowMs)) count++;
    return count;
  }

  /** Whether the instance still has a session: its streams end with the last one. */
  hasSession(target: string, instance: string, nowMs: number): boolean {
    const seen = this.#targets.get(target);
    return seen?.instance === instance && seen.sessionEndsAt > nowMs;
  }

  forget(target: string): void {
    this.#targets.delete(target);
  }

  #addStreams(target: string, instance: string, change: number, nowMs: number): void {
    const seen = this.#targets.get(target);
    // Another instance may have taken the place of one whose stream ended late.
    if (seen?.instance !== instance) return;
    const streams = seen.streams + change;
    const heldUntil = streams > 0 ? seen.heldUntil : nowMs;
    this.#targets.set(target, { ...seen, streams, lastSeenAt: nowMs, heldUntil });
  }
}

function holdsIdentity(seen: Seen, nowMs: number): boolean {
  return seen.streams > 0 || nowMs < seen.heldUntil;
}

function isThere(seen: Seen, nowMs: number): boolean {
  return seen.streams > 0 || nowMs - seen.lastSeenAt < SILENCE_MS;
}
