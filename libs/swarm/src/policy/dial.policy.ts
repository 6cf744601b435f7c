import { backoffDelay, randomInt, type Random } from '#lib/runtime';

/** Neighbours we dial for. */
export const WANTED_NEIGHBOURS = 12;
/** Neighbours at most, dialled or accepted, of a machine that downloads. */
export const MOST_NEIGHBOURS = 20;
/** Addresses that are remembered; the ones that failed most are forgotten first. */
const MOST_ADDRESSES = 1000;
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;
/** A connection that stood for this long was a good one, milliseconds. */
const LASTING_MS = 10_000;
/** Dials that may be under way at once. */
const MOST_DIALS = 8;

interface Known<A> {
  address: A;
  failures: number;
  /** Not to be dialled before this. */
  notBefore: number;
  state: 'idle' | 'dialling' | 'connected';
  connectedAt: number;
}

export interface DialPolicyOptions {
  readonly wanted?: number;
  readonly random: Random;
}

/** How a policy tells addresses apart. */
export interface AddressKind<A> {
  /** Addresses with the same key are one peer. */
  keyOf(address: A): string;
  /** Dialled before all others, as an origin. */
  isPreferred(address: A): boolean;
}

/**
 * Which of the known addresses to dial next. The downloader dials; picks are random, so that the
 * neighbours of a crowd that got the same list make a random graph and not a star.
 * `A` is an address. Times are milliseconds.
 */
export class DialPolicy<A> {
  readonly #known = new Map<string, Known<A>>();
  readonly #wanted: number;
  readonly #random: Random;
  readonly #kind: AddressKind<A>;
  #dialling = 0;

  constructor(kind: AddressKind<A>, options: DialPolicyOptions) {
    this.#kind = kind;
    this.#wanted = options.wanted ?? WANTED_NEIGHBOURS;
    this.#random = options.random;
  }

  get knownCount(): number {
    return this.#known.size;
  }

  get dialling(): number {
    return this.#dialling;
  }

  /** Whether there is an address that could be dialled now. */
  hasReady(now: number): boolean {
    for (const { state, notBefore } of this.#known.values()) {
      if (state === 'idle' && notBefore <= now) return true;
    }
    return false;
  }

  /** A tracker named addresses. What is known of them already is kept, but for a newer description. */
  found(addresses: Iterable<A>, now: number): void {
    for (const address of addresses) {
      const key = this.#kind.keyOf(address);
      const known = this.#known.get(key);
      if (known !== undefined) {
        known.address = address;
        continue;
      }
      if (this.#known.size >= MOST_ADDRESSES && !this.#forgetWorst()) return;
      this.#known.set(key, {
        address,
        failures: 0,
        notBefore: now,
        state: 'idle',
        connectedAt: now,
      });
    }
  }

  /**
   * An address to dial now, which then counts as being dialled; null when there are neighbours enough,
   * or none is ready.
   * @param neighbours connections that are up
   */
  next(neighbours: number, now: number): A | null {
    if (this.#dialling >= MOST_DIALS || neighbours + this.#dialling >= this.#wanted) return null;
    const chosen = this.#choose(now, true) ?? this.#choose(now, false);
    if (chosen === null) return null;
    chosen.state = 'dialling';
    this.#dialling++;
    return chosen.address;
  }

  /** The handshake is done; also for an address of somebody who dialled us. */
  connected(address: A, now: number): void {
    const known = this.#known.get(this.#kind.keyOf(address));
    if (known === undefined) return;
    this.#leaveDialling(known);
    known.state = 'connected';
    known.connectedAt = now;
  }

  /**
   * The dial failed, or the connection ended.
   * @param notForMs at least so long the address is left alone; Infinity for ever (it is ourselves)
   */
  ended(address: A, now: number, notForMs = 0): void {
    const known = this.#known.get(this.#kind.keyOf(address));
    if (known === undefined) return;
    this.#leaveDialling(known);
    // A peer that takes us in only to throw us out again is no better than one that does not answer.
    const lasted = known.state === 'connected' && now - known.connectedAt > LASTING_MS;
    known.state = 'idle';
    known.failures = lasted ? 1 : known.failures + 1;
    const backoff = backoffDelay(known.failures, {
      startMs: FIRST_BACKOFF_MS,
      limitMs: LONGEST_BACKOFF_MS,
      random: this.#random,
    });
    known.notBefore = now + Math.max(backoff, notForMs);
  }

  #choose(now: number, preferred: boolean): Known<A> | null {
    let chosen: Known<A> | null = null;
    let ready = 0;
    for (const known of this.#known.values()) {
      if (known.state !== 'idle' || known.notBefore > now) continue;
      if (this.#kind.isPreferred(known.address) !== preferred) continue;
      if (randomInt(this.#random, ++ready) === 0) chosen = known;
    }
    return chosen;
  }

  #leaveDialling(known: Known<A>): void {
    if (known.state === 'dialling') this.#dialling--;
  }

  #forgetWorst(): boolean {
    let worst: string | null = null;
    let failures = 0;
    for (const [key, known] of this.#known) {
      if (known.state !== 'idle' || known.failures <= failures) continue;
      worst = key;
      failures = known.failures;
    }
    return worst !== null && this.#known.delete(worst);
  }
}
