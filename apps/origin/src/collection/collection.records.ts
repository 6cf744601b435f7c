import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { CollectionReport } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';
import type { Condemned } from './condemned.js';

const CONDEMNED_KEY = 'collection/condemned.json';
const REPORT_KEY = 'collection/report.json';

const CondemnedDocument = z.looseObject({
  v: z.literal(1),
  /** Thing → since when, milliseconds since the epoch. */
  things: z.record(z.string(), z.number()),
});

/** What collections leave for each other, and for people. */
@Injectable()
export class CollectionRecords {
  readonly #condemned: DocumentStore<z.infer<typeof CondemnedDocument>>;
  readonly #reports: DocumentStore<CollectionReport>;

  constructor(@Inject(DEPOT) depot: Depot) {
    this.#condemned = new DocumentStore(depot, CondemnedDocument, 1);
    this.#reports = new DocumentStore(depot, CollectionReport, 1);
  }

  async condemned(): Promise<Condemned> {
    const found = await this.#condemned.read(CONDEMNED_KEY);
    return new Map(Object.entries(found?.value.things ?? {}));
  }

  async writeCondemned(condemned: Condemned): Promise<void> {
    const things = Object.fromEntries(condemned);
    await this.#condemned.update(CONDEMNED_KEY, (current) => ({
      ...(current ?? { v: 1 as const }),
      things,
    }));
  }

  /** Of the last collection that was no dry run; null before the first. */
  async report(): Promise<CollectionReport | null> {
    return (await this.#reports.read(REPORT_KEY))?.value ?? null;
  }

  async writeReport(report: CollectionReport): Promise<void> {
    await this.#reports.update(REPORT_KEY, () => report);
  }
}
