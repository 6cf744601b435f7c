import { FleetseedError } from '#lib/contracts';
import { allKeys, DocumentStore, type Depot } from '#lib/depot';

import { LedgerDayDocument } from './ledger-day.document.js';

const PREFIX = 'ledger/';

/** The ledger's documents in the depot. One run of one replica is the only writer of its own. */
export class LedgerStore {
  /** Versions of the documents that this run wrote. */
  readonly #versions = new Map<string, string>();

  readonly #documents: DocumentStore<LedgerDayDocument>;

  constructor(private readonly depot: Depot) {
    this.#documents = new DocumentStore(depot, LedgerDayDocument, 1);
  }

  /**
   * Every document of all days and replicas, or of those of one day that `isWanted`.
   * @throws DEPOT_CORRUPT, DEPOT_FORMAT_NEWER
   */
  async *documents(
    day = '',
    isWanted: (name: string) => boolean = () => true,
  ): AsyncGenerator<LedgerDayDocument> {
    const prefix = day === '' ? PREFIX : `${PREFIX}${day}/`;
    for await (const key of allKeys(this.depot, prefix)) {
      const name = key.slice(PREFIX.length, -'.json'.length);
      const document = isWanted(name) ? await this.read(name) : null;
      if (document) yield document;
    }
  }

  /** @param name `<day>/<replica>` */
  async read(name: string): Promise<LedgerDayDocument | null> {
    return (await this.#documents.read(`${PREFIX}${name}.json`))?.value ?? null;
  }

  /** Writes the document, durably. Calls for one document must not overlap. */
  async write(document: LedgerDayDocument): Promise<void> {
    const key = `${PREFIX}${document.day}/${document.replica}.json`;
    const known = this.#versions.get(key);
    const version =
      known === undefined
        ? await this.#create(key, document)
        : await this.#documents.replace(key, document, known);
    this.#versions.set(key, version ?? (await this.#replaceUnknown(key, document)));
  }

  async #create(key: string, document: LedgerDayDocument): Promise<string | null> {
    if (!(await this.#documents.create(key, document))) return null;
    return (await this.#documents.read(key))?.version ?? null;
  }

  /** An earlier write of ours timed out and happened after all: nobody else writes this document. */
  async #replaceUnknown(key: string, document: LedgerDayDocument): Promise<string> {
    const found = await this.#documents.read(key);
    const version = found && (await this.#documents.replace(key, document, found.version));
    if (version) return version;
    throw new FleetseedError('DEPOT_CORRUPT', `Somebody else writes ${key}.`, { key });
  }
}
