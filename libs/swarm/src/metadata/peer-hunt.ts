import { FleetseedError, toFleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';
import { formatIpPort } from '#lib/wire';

import type { AnnounceEvent, Announcer, PeerAddress } from '../announce/announcer.js';

/** Peers that are asked side by side. */
const AT_ONCE = 3;
/** A peer that could not be reached is tried again after this, milliseconds, and so often in all. */
const AGAIN_MS = 1000;
const TRIES = 3;
/** Addresses that are remembered. */
const MOST_KNOWN = 500;
/** Who fails so is not asked again: it lies, or it has no use for us. */
const FINAL: ReadonlySet<string> = new Set(['HASH_MISMATCH', 'WIRE_INVALID', 'PEER_REFUSED']);
const FAREWELL_MS = 800;
/** As other clients have it for a length that is not known yet, bytes. */
const UNKNOWN_LEFT = 16_384;

/** Resolves with what was wanted; rejects when this peer does not give it. */
export type PeerTask<T> = (address: PeerAddress, signal: AbortSignal) => Promise<T>;

export interface PeerHuntOptions {
  readonly peers: readonly PeerAddress[];
  /** More of them, told at any time. */
  readonly announcer?: Announcer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A peer did not give what was wanted. */
  readonly gaveUp: (address: PeerAddress, error: FleetseedError) => void;
}

interface Candidate {
  readonly address: PeerAddress;
  tries: number;
  notBefore: number;
  busy: boolean;
}

/**
 * Tries peers, a few side by side, until one gives what is wanted. Who breaks the protocol, sends
 * wrong bytes or refuses is not asked again; who cannot be reached or is silent is tried a few times.
 */
export class PeerHunt {
  readonly #candidates = new Map<string, Candidate>();
  readonly #options: PeerHuntOptions;
  #told = false;
  #asking = false;
  #announceAt = 0;
  #last: FleetseedError | null = null;

  constructor(options: PeerHuntOptions) {
    this.#options = options;
    this.#found(options.peers);
  }

  /** @throws FleetseedError NO_PEERS when nobody is left to try, or the signal's reason */
  async first<T>(task: PeerTask<T>): Promise<T> {
    const { signal, clock } = this.#options;
    signal.throwIfAborted();
    for (const candidate of this.#candidates.values())
      if (candidate.tries < TRIES) reset(candidate);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const ended = new AbortController();
    const running = AbortSignal.any([signal, ended.signal]);
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    let cancel = () => {};
    const step = () => {
      if (running.aborted) return;
      this.#announce(running);
      for (const candidate of this.#due()) {
        this.#try(candidate, task, running).then(
          (got) => got !== null && resolve(got.value),
          reject,
        );
      }
      if (this.#isHopeless) reject(this.#nobody());
      cancel = clock.setTimer(100, step);
    };
    step();
    try {
      return await promise;
    } finally {
      cancel();
      ended.abort(new FleetseedError('ABORTED', 'Another peer was quicker.'));
      signal.removeEventListener('abort', abort);
    }
  }

  /** Says goodbye to the tracker, within a second. */
  async close(): Promise<void> {
    const { announcer } = this.#options;
    if (!announcer || !this.#told) return;
    await announcer
      .announce(requestOf('stopped'), AbortSignal.timeout(FAREWELL_MS))
      .catch(() => {});
  }

  get #isHopeless(): boolean {
    const { announcer } = this.#options;
    if (announcer && announcer.retryAfterMs() !== Infinity) return false;
    return [...this.#candidates.values()].every(({ tries, busy }) => tries >= TRIES && !busy);
  }

  #due(): Candidate[] {
    const now = this.#options.clock.monotonic();
    const all = [...this.#candidates.values()];
    const free = AT_ONCE - all.filter(({ busy }) => busy).length;
    return all
      .filter(({ busy, tries, notBefore }) => !busy && tries < TRIES && notBefore <= now)
      .slice(0, Math.max(0, free));
  }

  async #try<T>(candidate: Candidate, task: PeerTask<T>, signal: AbortSignal) {
    const { clock, gaveUp } = this.#options;
    candidate.busy = true;
    try {
      return { value: await task(candidate.address, signal) };
    } catch (thrown) {
      if (signal.aborted) return null;
      const error = toFleetseedError(thrown);
      this.#last = error;
      candidate.tries = FINAL.has(error.code) ? TRIES : candidate.tries + 1;
      candidate.notBefore = clock.monotonic() + AGAIN_MS * candidate.tries;
      gaveUp(candidate.address, error);
      return null;
    } finally {
      candidate.busy = false;
    }
  }

  #found(addresses: readonly PeerAddress[]): void {
    for (const address of addresses) {
      const key = `${formatIpPort(address)} ${address.hash ?? ''}`;
      if (this.#candidates.size >= MOST_KNOWN || this.#candidates.has(key)) continue;
      this.#candidates.set(key, { address, tries: 0, notBefore: 0, busy: false });
    }
  }

  #announce(signal: AbortSignal): void {
    const { announcer, clock } = this.#options;
    if (!announcer || this.#asking || clock.monotonic() < this.#announceAt) return;
    this.#asking = true;
    const event = this.#told ? 'none' : 'started';
    announcer
      .announce(requestOf(event), signal)
      .then(
        ({ peers, minIntervalMs }) => {
          this.#told = true;
          this.#announceAt = clock.monotonic() + minIntervalMs;
          this.#found(peers);
        },
        (error: unknown) => {
          this.#last = toFleetseedError(error);
          this.#announceAt = clock.monotonic() + announcer.retryAfterMs();
        },
      )
      .finally(() => {
        this.#asking = false;
      });
  }

  #nobody(): FleetseedError {
    const why = this.#last ? ` The last one: ${this.#last.message}` : '';
    const cause = this.#last ? { cause: this.#last } : {};
    return new FleetseedError('NO_PEERS', `No peer gives what is wanted.${why}`, {}, cause);
  }
}

function reset(candidate: Candidate): void {
  candidate.tries = 0;
  candidate.notBefore = 0;
}

function requestOf(event: AnnounceEvent) {
  const numWant = event === 'stopped' ? 0 : 50;
  return { event, uploaded: 0, downloaded: 0, left: UNKNOWN_LEFT, numWant };
}
