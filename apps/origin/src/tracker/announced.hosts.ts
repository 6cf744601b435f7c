/** Addresses of one swarm; more than a swarm of strangers on one origin ever has. */
const MAX_HOSTS = 65_536;

/**
 * From where peers announced lately, for the question "may this address connect?", which the engine
 * asks at every handshake and cannot wait for.
 */
export class AnnouncedHosts {
  /** By swarm and host: until when the announce counts, ms. */
  readonly #swarms = new Map<string, Map<string, number>>();

  note(swarm: string, host: string, expiresAt: number, nowMs: number): void {
    let hosts = this.#swarms.get(swarm);
    if (!hosts) this.#swarms.set(swarm, (hosts = new Map()));
    if (hosts.size >= MAX_HOSTS && !hosts.has(host)) dropExpired(hosts, nowMs);
    if (hosts.size < MAX_HOSTS || hosts.has(host)) hosts.set(host, expiresAt);
  }

  has(swarm: string, host: string, nowMs: number): boolean {
    return (this.#swarms.get(swarm)?.get(host) ?? 0) > nowMs;
  }

  /** Forgets what is over; to be called now and then. */
  sweep(nowMs: number): void {
    for (const [swarm, hosts] of this.#swarms) {
      dropExpired(hosts, nowMs);
      if (hosts.size === 0) this.#swarms.delete(swarm);
    }
  }
}

function dropExpired(hosts: Map<string, number>, nowMs: number): void {
  for (const [host, expiresAt] of hosts) if (expiresAt <= nowMs) hosts.delete(host);
}
