import { Inject, Injectable } from '@nestjs/common';

import type { VerificationReport } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { CollectionRecords } from '../collection/collection.records.js';
import { kindOf } from '../collection/garbage.finder.js';
import { LiveMarker, type LiveMarks } from '../collection/live-marks.js';
import { Repacker } from '../collection/repacker.js';
import { LOGGER } from '../config/start-context.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { Outbox } from '../webhooks/outbox.js';
import { Quarantine } from './quarantine.js';

/** An object, and the roots of the files in it whose bytes are not theirs. */
export interface DamagedObject {
  readonly object: string;
  readonly bad: readonly string[];
}

export interface WithdrawOptions {
  readonly report: VerificationReport;
  readonly signal: AbortSignal;
  /** Runs the step for one object; what cannot be read of it is no reason to leave the others as they are. */
  readonly guard: (object: string, step: () => Promise<void>) => Promise<void>;
}

const MAX_NAMED = 1000;
const MAX_RELEASES = 20;

/** Takes damaged objects out of use, and says whose they are. */
@Injectable()
export class Withdrawal {
  constructor(
    private readonly quarantine: Quarantine,
    private readonly repacker: Repacker,
    private readonly marker: LiveMarker,
    private readonly collections: CollectionRecords,
    private readonly catalog: ReleaseCatalog,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** What the depot needs is looked up once for all of them. */
  async take(damage: readonly DamagedObject[], options: WithdrawOptions): Promise<void> {
    if (damage.length === 0) return;
    const marks = await this.marker.mark(options.signal, () => true);
    const condemned = await this.collections.condemned();
    for (const { object, bad } of damage) {
      await options.guard(object, async () => {
        // The good files of a damaged pack move into a new one before it is taken away.
        if (kindOf(object) === 'packs') {
          await this.repacker.rescue(object, marks, condemned, options.signal);
        }
        await this.quarantine.take(object, bad);
        this.logger.error('damaged content taken out of use', { object, files: bad.length });
        await this.#tell({ object, bad }, marks, options.report);
      });
    }
  }

  async #tell(
    { object, bad }: DamagedObject,
    marks: LiveMarks,
    report: VerificationReport,
  ): Promise<void> {
    const artifacts = await this.#artifactsWith(object, bad, marks);
    for (const root of bad) {
      if (report.damaged.length >= MAX_NAMED) return;
      const damaged = { object, root, releases: await this.#releasesOf(artifacts.get(root) ?? []) };
      report.damaged.push(damaged);
      await this.outbox.add('content.damaged', [object, root, report.startedAt], damaged);
    }
  }

  /** By root. A blob is one file, so whoever names it has that. */
  async #artifactsWith(
    object: string,
    roots: readonly string[],
    marks: LiveMarks,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const holders = marks.artifactsOf(object);
    if (kindOf(object) === 'blobs') return new Map(roots.map((root) => [root, holders]));
    return this.quarantine.artifactsWith(roots, holders);
  }

  async #releasesOf(artifacts: readonly string[]): Promise<string[]> {
    const names: string[] = [];
    for (const artifact of artifacts) {
      for (const { app, version } of await this.catalog.ofArtifact(artifact)) {
        if (names.length < MAX_RELEASES) names.push(`${app}@${version}`);
      }
    }
    return names;
  }
}
