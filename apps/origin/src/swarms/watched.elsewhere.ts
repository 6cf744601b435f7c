/** A replica that did not say again what is watched there for so long has ended, ms. */
const BELIEVED_MS = 7000;

/** Which swarms are watched at other replicas, as those say every few seconds. Pure: times are the caller's. */
export class WatchedElsewhere {
  readonly #replicas = new Map<
    string,
    { readonly artifacts: Set<string>; readonly until: number }
  >();

  heard(replica: string, artifacts: readonly string[], nowMs: number): void {
    if (artifacts.length === 0) this.#replicas.delete(replica);
    else this.#replicas.set(replica, { artifacts: new Set(artifacts), until: nowMs + BELIEVED_MS });
  }

  /** Forgets what was not said again. @returns whether there was any */
  expire(nowMs: number): boolean {
    const before = this.#replicas.size;
    for (const [replica, { until }] of this.#replicas) {
      if (until <= nowMs) this.#replicas.delete(replica);
    }
    return this.#replicas.size < before;
  }

  get isEmpty(): boolean {
    return this.#replicas.size === 0;
  }

  artifacts(): Set<string> {
    return new Set([...this.#replicas.values()].flatMap(({ artifacts }) => [...artifacts]));
  }

  /** The replicas at which somebody watches the swarm. */
  replicasOf(artifact: string): string[] {
    const those = [...this.#replicas].filter(([, { artifacts }]) => artifacts.has(artifact));
    return those.map(([replica]) => replica);
  }
}
