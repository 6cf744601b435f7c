import { FleetseedError } from '#lib/contracts';
import type { Depot } from '#lib/depot';

import { LedgerDayDocument } from './ledger-day.document.js';

type Documents = Pick<Depot, 'list' | 'readDocument' | 'createDocument' | 'replaceDocument'>;

const PREFIX = 'ledger/';

/** The ledger's documents in the depot. One run of one replica is the only writer of its own. */
export class LedgerStore {
  /** Versions of the documents that this run wrote. */
  readonly #versions = new Map<string, string>();

  constructor(private readonly depot: Documents) {}

  /** Every document of all days and replicas. @throws DEPOT_CORRUPT for one that is not readable. */
  async *documents(): AsyncGenerator<LedgerDayDocument> {
    let after: string | null = PREFIX;
    while (after !== null) {
      const page: Awaited<ReturnType<Depot['list']>> = await this.depot.list(PREFIX, { after });
      for (const key of page.keys) {
        const stored = await this.depot.readDocument(key);
        if (stored) yield parse(key, stored.bytes);
      }
      after = page.next;
    }
  }

  /** Writes the document, durably. Calls for one document must not overlap. */
  async write(document: LedgerDayDocument): Promise<void> {
    const key = `${PREFIX}${document.day}/${document.replica}.json`;
    const bytes = Buffer.from(JSON.stringify(document));
    const known = this.#versions.get(key);
    const version =
      known === undefined
        ? await this.#create(key, bytes)
        : await this.depot.replaceDocument(key, bytes, known);
    this.#versions.set(key, version ?? (await this.#replaceUnknown(key, bytes)));
  }

  async #create(key: string, bytes: Buffer): Promise<string | null> {
    if (!(await this.depot.createDocument(key, bytes))) return null;
    return (await this.depot.readDocument(key))?.version ?? null;
  }

  /** An earlier write of ours timed out and happened after all: nobody else writes this document. */
  async #replaceUnknown(key: string, bytes: Buffer): Promise<string> {
    const found = await this.depot.readDocument(key);
    const version = found && (await this.depot.replaceDocument(key, bytes, found.version));
    if (version) return version;
    throw new FleetseedError('DEPOT_CORRUPT', `Somebody else writes ${key}.`, { key });
  }
}

function parse(key: string, bytes: Buffer): LedgerDayDocument {
  let parsed: ReturnType<typeof LedgerDayDocument.safeParse> | null = null;
  try {
    parsed = LedgerDayDocument.safeParse(JSON.parse(bytes.toString('utf8')));
  } catch {
    // Not JSON: reported below like any other document that is not what it should be.
  }
  if (parsed?.success) return parsed.data;
  throw new FleetseedError('DEPOT_CORRUPT', `${key} is not a ledger document.`, { key });
}
