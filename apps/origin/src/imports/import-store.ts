import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { DocumentStore, keyPages, type Depot } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

import { DEPOT } from '../depot/depot.tokens.js';
import { ImportRecord } from './import-record.js';

const PREFIX = 'imports/';
/** Documents read side by side. */
const READERS = 16;
const ID = /^[0-9a-f]{32}$/;

/** The records of imports, in the depot. */
@Injectable()
export class ImportStore {
  readonly #documents: DocumentStore<ImportRecord>;

  constructor(@Inject(DEPOT) private readonly depot: Depot) {
    this.#documents = new DocumentStore(depot, ImportRecord, 1);
  }

  async find(id: string): Promise<ImportRecord | null> {
    return ID.test(id) ? ((await this.#documents.read(keyOf(id)))?.value ?? null) : null;
  }

  /** See `DocumentStore.update`. */
  update(
    id: string,
    change: (current: ImportRecord | null) => ImportRecord | null,
  ): Promise<ImportRecord | null> {
    return this.#documents.update(keyOf(id), change);
  }

  async remove(id: string): Promise<void> {
    await this.#documents.delete(keyOf(id));
  }

  /** One that cannot be read must not hide all others. */
  async #readable(id: string): Promise<ImportRecord | null> {
    try {
      return await this.find(id);
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'DEPOT_CORRUPT') return null;
      throw error;
    }
  }

  /** In no order that would mean something. */
  async *all(): AsyncGenerator<ImportRecord> {
    for await (const keys of keyPages(this.depot, PREFIX)) {
      const records: ImportRecord[] = [];
      await sideBySide(keys, READERS, async (key) => {
        const record = await this.#readable(key.slice(PREFIX.length, -'.json'.length));
        if (record) records.push(record);
      });
      yield* records;
    }
  }
}

function keyOf(id: string): string {
  return `${PREFIX}${id}.json`;
}
