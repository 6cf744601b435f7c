import { LOAD_HALF_LIFE_MS } from '../peer-store.js';

interface HandOut {
  /** As if it had been counted at `at`. */
  load: number;
  at: number;
}

/** Peers of one swarm that are remembered; what is more is not counted. */
const MOST = 5000;
/** Words of one call: two for each peer. */
const PEERS_A_CALL = 1000;

/** What was handed out in one swarm and Redis was not told of yet, as loads that fade. */
export class HandOuts {
  readonly #members = new Map<string, HandOut>();

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  note(member: string, now: number): void {
    const known = this.#members.get(member);
    if (known) {
      known.load = 1 + faded(known, now);
      known.at = now;
    } else if (this.#members.size < MOST) {
      this.#members.set(member, { load: 1, at: now });
    }
  }

  /** What is to be added to the load that Redis knows. */
  loadOf(member: string, now: number): number {
    const known = this.#members.get(member);
    return known ? faded(known, now) : 0;
  }

  /** All of it, in the words of as many calls as it takes; nothing is left. */
  takeWords(now: number): string[][] {
    const all = [...this.#members];
    this.#members.clear();
    const calls: string[][] = [];
    for (let at = 0; at < all.length; at += PEERS_A_CALL) {
      const some = all.slice(at, at + PEERS_A_CALL);
      calls.push(some.flatMap(([member, each]) => [member, String(faded(each, now))]));
    }
    return calls;
  }
}

function faded({ load, at }: HandOut, now: number): number {
  return load * 0.5 ** ((now - at) / LOAD_HALF_LIFE_MS);
}
