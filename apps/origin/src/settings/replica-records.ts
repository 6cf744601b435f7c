import { z } from 'zod';

import { allKeys, DocumentStore, type Depot } from '#lib/depot';

import { ProcessMark } from './process-mark.js';

const PREFIX = 'replicas/';

/** `replicas/<id>.json`: a process that is using the depot, for as long as it changes. */
export const ReplicaDocument = z.looseObject({
  v: z.literal(1),
  replica: z.string(),
  process: ProcessMark,
  settings: z.record(z.string(), z.string()),
  /** Counts up; who looks twice sees who is alive, whatever the clocks say. */
  beat: z.number().int(),
  /** Ms since the epoch, by its own clock. */
  beatAt: z.number(),
});
export type ReplicaDocument = z.infer<typeof ReplicaDocument>;

/**
 * The documents by which processes that share a depot see each other when they start, also those that have
 * different Redis servers or none, and so are on no common `ReplicaBoard`. Who is alive from moment to
 * moment, for work that is divided, is the board's to say.
 */
export class ReplicaRecords {
  readonly #documents: DocumentStore<ReplicaDocument>;

  constructor(private readonly depot: Depot) {
    this.#documents = new DocumentStore<ReplicaDocument>(depot, ReplicaDocument, 1);
  }

  /** @returns whether there was a record before */
  async write(document: ReplicaDocument): Promise<boolean> {
    let wasThere = false;
    await this.#documents.update(keyOf(document.replica), (current) => {
      wasThere = current !== null;
      return document;
    });
    return wasThere;
  }

  async read(replica: string): Promise<ReplicaDocument | null> {
    return (await this.#documents.read(keyOf(replica)))?.value ?? null;
  }

  async remove(replica: string): Promise<void> {
    await this.#documents.delete(keyOf(replica));
  }

  async all(): Promise<ReplicaDocument[]> {
    const found: ReplicaDocument[] = [];
    for await (const key of allKeys(this.depot, PREFIX)) {
      const stored = await this.#documents.read(key);
      if (stored) found.push(stored.value);
    }
    return found;
  }
}

function keyOf(replica: string): string {
  return `${PREFIX}${replica}.json`;
}
