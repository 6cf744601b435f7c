import { Inject, Injectable } from '@nestjs/common';

import { RepairReport } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';

const KEY = 'repair/report.json';

/** What the last repair has brought back. */
@Injectable()
export class RepairRecords {
  readonly #documents: DocumentStore<RepairReport>;

  constructor(@Inject(DEPOT) depot: Depot) {
    this.#documents = new DocumentStore(depot, RepairReport, 1);
  }

  /** Null before the first. */
  async report(): Promise<RepairReport | null> {
    return (await this.#documents.read(KEY))?.value ?? null;
  }

  async write(report: RepairReport): Promise<void> {
    await this.#documents.update(KEY, () => report);
  }
}
