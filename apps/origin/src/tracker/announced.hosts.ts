/** Hosts that are looked at with every note, whether they are over. */
const LOOKS = 2;
/** Addresses of one swarm; more than a swarm of strangers on one origin ever has. */
const MAX_HOSTS = 65_536;

/**
 * From where peers announced lately, for the question "may this address connect?", which the engine
 * asks at every handshake and cannot wait for.
 */
export class AnnouncedHosts {
  /** By swarm and host: until when the announce counts, ms. */
  readonly #swarms = new Map<string, Map<string, number>>();
  readonly #sweep = this.#look();

  constructor() {
    this.#sweep.next(0);
  }

  /** @returns whether it is news: the host was not known, or would soon have been forgotten */
  note(swarm: string, host: string, expiresAt: number, nowMs: number): boolean {
    for (let look = 0; look < LOOKS; look++) this.#sweep.next(nowMs);
    let hosts = this.#swarms.get(swarm);
    if (!hosts) this.#swarms.set(swarm, (hosts = new Map()));
    const before = hosts.get(host) ?? 0;
    if (hosts.size < MAX_HOSTS || before > 0) hosts.set(host, expiresAt);
    return before - nowMs < (expiresAt - nowMs) / 2;
  }

  has(swarm: string, host: string, nowMs: number): boolean {
    return (this.#swarms.get(swarm)?.get(host) ?? 0) > nowMs;
  }

  /** Forgets what is over, one host at a step, round and round: a sweep of all would be a pause. */
  *#look(): Generator<void, never, number> {
    for (let now = yield; ;) {
      for (const [swarm, hosts] of this.#swarms) {
        for (const [host, expiresAt] of hosts) {
          if (expiresAt <= now) hosts.delete(host);
          now = yield;
        }
        if (hosts.size === 0) this.#swarms.delete(swarm);
      }
      now = yield;
    }
  }
}
