import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type Import } from '#lib/contracts';
import { sideBySide } from '#lib/runtime';

import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import type { ImportRecord } from './import-record.js';

const VIEWS_AT_ONCE = 16;

/** Imports as the API shows them: what is written down of them, and how far their jobs are. */
@Injectable()
export class ImportViews {
  constructor(
    private readonly catalog: ReleaseCatalog,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
  ) {}

  /** In the order of the records. */
  async of(records: readonly ImportRecord[]): Promise<Import[]> {
    const views: Import[] = [];
    await sideBySide(records.entries(), VIEWS_AT_ONCE, async ([index, record]) => {
      views[index] = await this.one(record);
    });
    return views;
  }

  async one(record: ImportRecord): Promise<Import> {
    const { app, version, name, from, channel, sha256, state, createdAt, createdBy } = record;
    const { finishedAt, created, error } = record;
    const job = state === 'open' ? await this.#job(record) : null;
    const progress = job?.state === 'active' ? job.progress : null;
    const release = state === 'done' ? await this.catalog.find(app, version) : null;
    const bytes = release?.bytes ?? record.gathering?.parted.length ?? record.bytes;
    const isFetching = progress?.step === 'fetching';
    return {
      import: record.import,
      job: jobIdOf(record),
      app,
      version,
      name,
      from,
      channel,
      sha256,
      state,
      step: progress?.step ?? null,
      receivedBytes: isFetching ? progress.done : progress || release ? (bytes ?? 0) : 0,
      bytes: isFetching && progress.total > 0 ? progress.total : bytes,
      createdAt,
      createdBy,
      finishedAt,
      release,
      created,
      error,
    };
  }

  /** How far it is, is worth less than to see it at all. */
  async #job(record: ImportRecord) {
    try {
      return await this.queue.get(jobIdOf(record));
    } catch (error) {
      if (!isAway(error)) throw error;
      return null;
    }
  }
}

export function jobIdOf({ import: id, run }: ImportRecord): string {
  return `import-${id}-${run}`;
}

export function isAway(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'QUEUE_UNREACHABLE';
}
