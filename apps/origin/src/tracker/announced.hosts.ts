/** What is over is forgotten at every so manieth note. */
const SWEEP_EVERY = 10_000;
/** Addresses of one swarm; more than a swarm of strangers on one origin ever has. */
const MAX_HOSTS = 65_536;

/**
 * From where peers announced lately, for the question "may this address connect?", which the engine
 * asks at every handshake and cannot wait for.
 */
export class AnnouncedHosts {
  /** By swarm and host: until when the announce counts, ms. */
  readonly #swarms = new Map<string, Map<string, number>>();
  #noted = 0;

  /** @returns whether it is news: the host was not known, or would soon have been forgotten */
  note(swarm: string, host: string, expiresAt: number, nowMs: number): boolean {
    if (++this.#noted % SWEEP_EVERY === 0) this.#sweep(nowMs);
    let hosts = this.#swarms.get(swarm);
    if (!hosts) this.#swarms.set(swarm, (hosts = new Map()));
    const before = hosts.get(host) ?? 0;
    if (hosts.size >= MAX_HOSTS && before === 0) dropExpired(hosts, nowMs);
    if (hosts.size < MAX_HOSTS || before > 0) hosts.set(host, expiresAt);
    return before - nowMs < (expiresAt - nowMs) / 2;
  }

  has(swarm: string, host: string, nowMs: number): boolean {
    return (this.#swarms.get(swarm)?.get(host) ?? 0) > nowMs;
  }

  #sweep(nowMs: number): void {
    for (const [swarm, hosts] of this.#swarms) {
      dropExpired(hosts, nowMs);
      if (hosts.size === 0) this.#swarms.delete(swarm);
    }
  }
}

function dropExpired(hosts: Map<string, number>, nowMs: number): void {
  for (const [host, expiresAt] of hosts) if (expiresAt <= nowMs) hosts.delete(host);
}
