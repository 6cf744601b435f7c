import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { VerificationReport, type DamagedContent } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';

const KEY = 'verification/state.json';

const StateDocument = z.looseObject({
  v: z.literal(1),
  report: VerificationReport,
  /** The last object that was checked; null at the begin and at the end. */
  cursor: z.string().nullable(),
});
type StateDocument = z.infer<typeof StateDocument>;

/** How far the verification is, kept so that an interruption costs seconds of work. */
@Injectable()
export class VerificationRecords {
  readonly #documents: DocumentStore<StateDocument>;

  constructor(@Inject(DEPOT) depot: Depot) {
    this.#documents = new DocumentStore(depot, StateDocument, 1);
  }

  /** Of the one under way, or the last; null before the first. */
  async report(): Promise<VerificationReport | null> {
    return (await this.#documents.read(KEY))?.value.report ?? null;
  }

  /** Goes on with what was interrupted, or begins. */
  async begin(now: number): Promise<{ report: VerificationReport; cursor: string | null }> {
    const found = (await this.#documents.read(KEY))?.value;
    if (found && found.report.finishedAt === null) return found;
    const report: VerificationReport = {
      v: 1,
      startedAt: now,
      finishedAt: null,
      checkedObjects: 0,
      checkedBytes: 0,
      damaged: [],
      unreadable: [],
      healed: 0,
    };
    await this.note(report, null);
    return { report, cursor: null };
  }

  async note(report: VerificationReport, cursor: string | null): Promise<void> {
    await this.#documents.update(KEY, (current) => {
      const repaired = new Map(current?.report.damaged.map((each) => [each.root, each.repairedAt]));
      const damaged = report.damaged.map((each) => withRepair(each, repaired.get(each.root)));
      return { v: 1, report: { ...report, damaged }, cursor };
    });
  }

  /** Files that were found damaged are whole again. */
  async noteRepairs(roots: ReadonlySet<string>, now: number): Promise<void> {
    await this.#documents.update(KEY, (current) => {
      if (!current?.report.damaged.some(({ root }) => roots.has(root))) return null;
      const damaged = current.report.damaged.map((each) =>
        roots.has(each.root) ? withRepair(each, now) : each,
      );
      return { ...current, report: { ...current.report, damaged } };
    });
  }
}

function withRepair(damaged: DamagedContent, at: number | undefined): DamagedContent {
  return at === undefined ? damaged : { ...damaged, repairedAt: damaged.repairedAt ?? at };
}
