import { FleetseedError, type SwarmTicket } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

/** Wishes of this long are sent together, milliseconds: an agent that starts has hundreds. */
const GATHER_MS = 30;
const MOST_AT_ONCE = 1000;

interface Wish {
  readonly resolve: (ticket: SwarmTicket) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks for tickets, many in one request. */
export class TicketDesk {
  #wishes = new Map<string, Wish[]>();
  #gathering = false;

  constructor(
    private readonly fetch: (artifacts: readonly string[]) => Promise<SwarmTicket[]>,
    private readonly clock: Clock,
  ) {}

  /** @throws ARTIFACT_NOT_FOUND when the origin has none for it, ORIGIN_UNREACHABLE */
  ticketFor(artifact: string): Promise<SwarmTicket> {
    return new Promise((resolve, reject) => {
      const others = this.#wishes.get(artifact) ?? [];
      this.#wishes.set(artifact, [...others, { resolve, reject }]);
      if (this.#gathering) return;
      this.#gathering = true;
      this.clock.setTimer(GATHER_MS, () => {
        this.#gathering = false;
        void this.#send();
      });
    });
  }

  async #send(): Promise<void> {
    const wishes = [...this.#wishes];
    this.#wishes = new Map();
    for (let first = 0; first < wishes.length; first += MOST_AT_ONCE) {
      await this.#ask(new Map(wishes.slice(first, first + MOST_AT_ONCE)));
    }
  }

  async #ask(wishes: ReadonlyMap<string, Wish[]>): Promise<void> {
    try {
      const tickets = await this.fetch([...wishes.keys()]);
      const byArtifact = new Map(tickets.map((ticket) => [ticket.artifact, ticket]));
      for (const [artifact, waiting] of wishes) answer(artifact, waiting, byArtifact.get(artifact));
    } catch (error) {
      for (const waiting of wishes.values()) for (const { reject } of waiting) reject(error);
    }
  }
}

function answer(artifact: string, waiting: readonly Wish[], ticket: SwarmTicket | undefined): void {
  for (const { resolve, reject } of waiting) {
    if (ticket) resolve(ticket);
    else {
      const text = 'The origin does not hand out this artifact.';
      reject(new FleetseedError('ARTIFACT_NOT_FOUND', text, { artifact }));
    }
  }
}
