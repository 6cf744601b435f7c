import { FleetseedError, type SwarmTicket } from '#lib/contracts';
import { backoffDelay, type Clock, type Random } from '#lib/runtime';

import type { AnnounceAnswer, Announcer, AnnounceRequest } from '../announce/announcer.js';

export interface TicketAnnouncerOptions {
  /** Asks the origin for a ticket; rejects with ORIGIN_UNREACHABLE and the like. */
  readonly ticket: (signal: AbortSignal | undefined) => Promise<SwarmTicket>;
  /** Announces to the trackers of a ticket. */
  readonly announcerFor: (ticket: SwarmTicket) => Announcer;
  readonly clock: Clock;
  readonly random: Random;
}

/** Keys in tickets end; a ticket is used no longer than this, milliseconds. */
const USE_FOR_MS = 60 * 60_000;
const RETRY = { startMs: 1000, limitMs: 60_000 };

/**
 * Announces with a key that is renewed: after an hour, and whenever the tracker refuses it (the key
 * has expired, or the service moved).
 */
export class TicketAnnouncer implements Announcer {
  #announcer: Announcer | null = null;
  #fetchedAt = 0;
  #ticketFailures = 0;

  constructor(private readonly options: TicketAnnouncerOptions) {}

  /** Uses a ticket that is at hand, so that the first announce needs no other request. */
  use(ticket: SwarmTicket): void {
    this.#announcer = this.options.announcerFor(ticket);
    this.#fetchedAt = this.options.clock.monotonic();
    this.#ticketFailures = 0;
  }

  async announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer> {
    const age = this.options.clock.monotonic() - this.#fetchedAt;
    if (!this.#announcer || age > USE_FOR_MS) await this.#renew(signal);
    try {
      return await this.#announcer!.announce(request, signal);
    } catch (error) {
      // The next try comes with a new ticket; this one reports what happened.
      if (isRefusal(error)) this.#announcer = null;
      throw error;
    }
  }

  retryAfterMs(): number {
    const { random } = this.options;
    if (!this.#announcer) return backoffDelay(this.#ticketFailures + 1, { ...RETRY, random });
    return this.#announcer.retryAfterMs();
  }

  async #renew(signal: AbortSignal | undefined): Promise<void> {
    try {
      this.use(await this.options.ticket(signal));
    } catch (error) {
      this.#ticketFailures++;
      throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'TRACKER_ANSWER_INVALID';
}
