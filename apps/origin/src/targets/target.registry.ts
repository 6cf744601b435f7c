import { z } from 'zod';

import { FleetseedError, TargetDocument, type JoinRequest } from '#lib/contracts';
import { DocumentStore, keyPages, type Depot } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

/** `targets/<id>.json`; the version of the agent is kept so that a target can be shown while it is off. */
const StoredTarget = TargetDocument.extend({ agentVersion: z.string().default('') });
export type StoredTarget = z.infer<typeof StoredTarget>;

/** What an agent says of its machine whenever it opens a session. */
export type TargetFacts = Pick<StoredTarget, 'hostname' | 'labels' | 'agentVersion'>;

const PREFIX = 'targets/';
/** Documents read side by side at start. */
const READERS = 32;

/** The machines of the fleet: one document each, and a copy of all of them in memory. */
export class TargetRegistry {
  readonly #targets = new Map<string, StoredTarget>();
  readonly #changed = new Set<(target: string) => void>();
  readonly #gone = new Set<(target: string) => void>();
  readonly #documents: DocumentStore<StoredTarget>;

  constructor(private readonly depot: Depot) {
    this.#documents = new DocumentStore(depot, StoredTarget, 1);
  }

  async load(): Promise<void> {
    for await (const ids of this.#listed()) await sideBySide(ids, READERS, (id) => this.read(id));
  }

  /** Looks for targets that came or went without a word to this process; facts that changed are not seen. */
  async look(): Promise<void> {
    const before = [...this.#targets.keys()];
    const listed = new Set<string>();
    for await (const ids of this.#listed()) {
      for (const id of ids) listed.add(id);
      const unknown = ids.filter((id) => !this.#targets.has(id));
      await sideBySide(unknown, READERS, (id) => this.read(id));
    }
    await sideBySide(
      before.filter((id) => !listed.has(id)),
      READERS,
      (id) => this.read(id),
    );
  }

  /** Tells of documents that this process has written or removed. @returns what ends it */
  onChange(listener: (target: string) => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** Tells of targets that are not there any more, whoever removed them. @returns what ends it */
  onGone(listener: (target: string) => void): () => void {
    this.#gone.add(listener);
    return () => this.#gone.delete(listener);
  }

  /** What this process knows of a target without asking the depot. */
  known(target: string): StoredTarget | null {
    return this.#targets.get(target) ?? null;
  }

  /** Also finds a target that joined through another replica since. */
  async find(target: string): Promise<StoredTarget | null> {
    return this.#targets.get(target) ?? this.read(target);
  }

  /** @throws TARGET_NOT_FOUND */
  async get(target: string): Promise<StoredTarget> {
    const found = await this.find(target);
    if (found) return found;
    throw new FleetseedError('TARGET_NOT_FOUND', `There is no target ${target}.`, { target });
  }

  all(): StoredTarget[] {
    return [...this.#targets.values()];
  }

  get size(): number {
    return this.#targets.size;
  }

  /** Registers a machine; one that joined before keeps its document. */
  async join(
    target: string,
    request: JoinRequest,
    joinedWith: string,
    nowMs: number,
  ): Promise<void> {
    const { publicKey, hostname, labels, agentVersion } = request;
    const document: StoredTarget = {
      v: 1,
      target,
      publicKey,
      hostname,
      labels,
      agentVersion,
      joinedAt: nowMs,
      joinedWith,
    };
    await this.#documents.create(keyOf(target), document);
    await this.read(target);
    this.#tell(this.#changed, target);
  }

  /** Writes facts down that changed; a race with another replica is settled by the last one. */
  async update(target: string, facts: TargetFacts): Promise<void> {
    const known = this.#targets.get(target);
    if (!known || hasFacts(known, facts)) return;
    const written = await this.#documents.update(
      keyOf(target),
      (current) => current && { ...current, ...facts },
    );
    this.#note(target, written);
    this.#tell(this.#changed, target);
  }

  async remove(target: string): Promise<void> {
    await this.#documents.delete(keyOf(target));
    this.#note(target, null);
    this.#tell(this.#changed, target);
  }

  /** The target as the depot has it now, whatever is in memory. */
  async read(target: string): Promise<StoredTarget | null> {
    const stored = await this.#documents.read(keyOf(target));
    this.#note(target, stored?.value ?? null);
    return stored?.value ?? null;
  }

  #note(target: string, document: StoredTarget | null): void {
    if (document) this.#targets.set(target, document);
    else if (this.#targets.delete(target)) this.#tell(this.#gone, target);
  }

  #tell(listeners: ReadonlySet<(target: string) => void>, target: string): void {
    for (const listener of listeners) listener(target);
  }

  /** The ids of all targets, page by page. */
  async *#listed(): AsyncGenerator<string[]> {
    for await (const keys of keyPages(this.depot, PREFIX)) {
      yield keys.map((key) => key.slice(PREFIX.length, -'.json'.length));
    }
  }
}

function keyOf(target: string): string {
  return `${PREFIX}${target}.json`;
}

function hasFacts(document: StoredTarget, facts: TargetFacts): boolean {
  const labels = Object.entries(facts.labels);
  return (
    document.hostname === facts.hostname &&
    document.agentVersion === facts.agentVersion &&
    labels.length === Object.keys(document.labels).length &&
    labels.every(([key, value]) => document.labels[key] === value)
  );
}
