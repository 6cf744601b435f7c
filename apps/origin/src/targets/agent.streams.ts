import type { AgentEvent } from '#lib/contracts';

/** Where the events of one connected agent go, each as the text it is sent as. */
export interface AgentSink {
  send(text: string): void;
}

export const textOf = (event: AgentEvent): string => JSON.stringify(event);

interface Connection {
  readonly sink: AgentSink;
  /** The list that was sent last: one that says the same is not sent again. */
  desired: string | null;
  readonly watching: Set<string>;
}

/** The event streams that are open, and what each of them was told. */
export class AgentStreams {
  readonly #targets = new Map<string, Set<Connection>>();

  /** Registers a stream. @returns what to call when it is closed. */
  open(target: string, sink: AgentSink): () => void {
    const connection: Connection = { sink, desired: null, watching: new Set() };
    const connections = this.#targets.get(target) ?? new Set();
    this.#targets.set(target, connections.add(connection));
    return () => {
      connections.delete(connection);
      if (connections.size === 0 && this.#targets.get(target) === connections) {
        this.#targets.delete(target);
      }
    };
  }

  /** Targets with an open stream. */
  targets(): string[] {
    return [...this.#targets.keys()];
  }

  has(target: string): boolean {
    return this.#targets.has(target);
  }

  /**
   * Sends the full list to the target's streams, unless they have it.
   * @param text of the event, because one list is that of many targets
   */
  desired(target: string, text: string): void {
    for (const connection of this.#of(target)) {
      if (connection.desired === text) continue;
      connection.desired = text;
      connection.sink.send(text);
    }
  }

  /** Tells a target to send frames of exactly these swarms. */
  watch(target: string, artifacts: ReadonlySet<string>): void {
    for (const { watching, sink } of this.#of(target)) {
      for (const artifact of watching) {
        if (artifacts.has(artifact)) continue;
        watching.delete(artifact);
        sink.send(textOf({ type: 'unwatch', artifact }));
      }
      for (const artifact of artifacts) {
        if (watching.has(artifact)) continue;
        watching.add(artifact);
        sink.send(textOf({ type: 'watch', artifact }));
      }
    }
  }

  #of(target: string): Iterable<Connection> {
    return this.#targets.get(target) ?? [];
  }
}
