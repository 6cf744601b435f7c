import { FleetseedError } from '#lib/contracts';

import { PresenceElsewhere, type SeenElsewhere } from './presence.elsewhere.js';

/** For so long after its last sign a target is shown as there, and an instance may yet open its stream, ms. */
export const SILENCE_MS = 15_000;

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
  readonly elsewhere = new PresenceElsewhere();
  readonly #targets = new Map<string, Seen>();
  readonly #listeners = new Set<(target: string) => void>();

  /**
   * A proven request of an instance came in, with a session that ends at `sessionEndsAt`.
   * @throws DUPLICATE_IDENTITY while another instance holds the identity.
   */
  seen(target: string, instance: string, nowMs: number, sessionEndsAt = 0): void {
    const other = this.#targets.get(target);
    if (other && other.instance !== instance && holdsIdentity(other, nowMs)) {
      throw duplicateIdentity(target);
    }
    this.take(target, instance, nowMs, sessionEndsAt);
  }

  /** The same, when it is certain that the instance may have the identity. */
  take(target: string, instance: string, nowMs: number, sessionEndsAt = 0): void {
    const other = this.#targets.get(target);
    const same = other?.instance === instance;
    this.#set(target, {
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

  /** At this replica or at another one. */
  isOnline(target: string, nowMs: number): boolean {
    if (this.streamsHere(target) > 0 || this.elsewhere.streams(target) > 0) return true;
    const lastSeenAt = this.lastSeenAt(target);
    return lastSeenAt !== null && nowMs - lastSeenAt < SILENCE_MS;
  }

  /** Ms since the epoch; null for a target that was not seen since this process began. */
  lastSeenAt(target: string): number | null {
    const here = this.#targets.get(target)?.lastSeenAt ?? 0;
    return Math.max(here, this.elsewhere.lastSeenAt(target)) || null;
  }

  onlineCount(nowMs: number): number {
    let count = 0;
    const all = new Set([...this.#targets.keys(), ...this.elsewhere.targets()]);
    for (const target of all) if (this.isOnline(target, nowMs)) count++;
    return count;
  }

  /** Which instance was seen here last; null when none was. */
  instanceOf(target: string): string | null {
    return this.#targets.get(target)?.instance ?? null;
  }

  streamsHere(target: string): number {
    return this.#targets.get(target)?.streams ?? 0;
  }

  /** Targets that were seen at this replica. */
  seenHere(): Iterable<string> {
    return this.#targets.keys();
  }

  /** What this replica itself has seen of the target; null when it has not. */
  seenHereOf(target: string): SeenElsewhere | null {
    return this.#targets.get(target) ?? null;
  }

  /** Tells of targets that gave a sign of life here. @returns what ends it */
  onSign(listener: (target: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the instance still has a session: its streams end with the last one. */
  hasSession(target: string, instance: string, nowMs: number): boolean {
    const seen = this.#targets.get(target);
    if (seen?.instance !== instance) return false;
    return Math.max(seen.sessionEndsAt, this.elsewhere.sessionEndsAt(target, instance)) > nowMs;
  }

  forget(target: string): void {
    this.#targets.delete(target);
    this.elsewhere.forget(target);
  }

  #addStreams(target: string, instance: string, change: number, nowMs: number): void {
    const seen = this.#targets.get(target);
    // Another instance may have taken the place of one whose stream ended late.
    if (seen?.instance !== instance) return;
    const streams = seen.streams + change;
    const heldUntil = streams > 0 ? seen.heldUntil : nowMs;
    this.#set(target, { ...seen, streams, lastSeenAt: nowMs, heldUntil });
  }

  #set(target: string, seen: Seen): void {
    this.#targets.set(target, seen);
    for (const listener of this.#listeners) listener(target);
  }
}

export function duplicateIdentity(target: string): FleetseedError {
  return new FleetseedError(
    'DUPLICATE_IDENTITY',
    'Another running agent has the identity of this target. If this machine was cloned, remove ' +
      'the state folder of its agent and join again; after a crash it comes free by itself.',
    { target },
  );
}

function holdsIdentity(seen: Seen, nowMs: number): boolean {
  return seen.streams > 0 || nowMs < seen.heldUntil;
}
