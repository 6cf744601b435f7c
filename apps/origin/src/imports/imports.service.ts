import { createHash } from 'node:crypto';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type Import, type StartImport } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import { checkComponent } from '#lib/torrent';

import { requireApp, type Principal } from '../auth/principal.js';
import { ChannelsService } from '../channels/channels.service.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { unknownImport } from './import-errors.js';
import type { ImportRecord } from './import-record.js';
import { ImportSources } from './import-sources.js';
import { ImportStore } from './import-store.js';
import { fileNameOf, shownSource } from './source.address.js';

export const IMPORT_ATTEMPTS = 6;
/** Behind uploads that are complete, whose callers wait. */
const PRIORITY = 5;

/** The life of an import: asked for, looked at, cancelled. The job does the rest. */
@Injectable()
export class ImportsService implements OnModuleInit {
  constructor(
    private readonly imports: ImportStore,
    private readonly sources: ImportSources,
    private readonly catalog: ReleaseCatalog,
    private readonly channels: ChannelsService,
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.unfinished.register('imports', () => this.enqueueUnfinished());
    this.unfinished.onCancel('import', (data) => this.#giveUp(data.import));
  }

  /**
   * Writes down what is to be imported, and only then lets the job begin. The same import that is
   * under way is that one; one that has failed begins anew.
   * @throws REQUEST_INVALID, SOURCE_REFUSED, METAINFO_PATH_INVALID, VERSION_RETIRED
   */
  async start(app: string, request: StartImport, caller: Principal): Promise<Import> {
    const { version, channel = null, insecureHttp, sha256 = null, bytes = null } = request;
    if (channel !== null) requireApp(caller, 'release', app);
    const address = this.sources.parse(request.from, insecureHttp);
    const name = request.name ?? fileNameOf(address);
    if (name === null) {
      throw new FleetseedError('REQUEST_INVALID', 'The source names no file: give it a name.');
    }
    checkComponent(name);
    await this.catalog.assertNotRetired(app, version);
    const fresh: ImportRecord = {
      v: 1,
      import: idOf(app, { ...request, name }, caller),
      app,
      version,
      name,
      from: shownSource(address),
      source: request.from,
      insecureHttp,
      channel,
      sha256,
      bytes,
      state: 'open',
      run: 1,
      gathering: null,
      createdAt: this.clock.now(),
      createdBy: caller.name,
      creator: caller.id,
      finishedAt: null,
      artifact: null,
      created: null,
      error: null,
    };
    const known = await this.#known(fresh, caller);
    const record = known ?? (await this.#write(fresh));
    if (record.state === 'open') await this.#enqueueSoon(record);
    return this.#view(record);
  }

  async get(id: string, caller: Principal): Promise<Import> {
    return this.#view(await this.#find(id, caller));
  }

  /** No error for one that has ended. */
  async cancel(id: string, caller: Principal): Promise<void> {
    const record = await this.#find(id, caller);
    await this.#giveUp(id);
    try {
      await this.queue.cancel(jobIdOf(record));
    } catch (error) {
      // The job finds that it is cancelled when it begins again.
      if (!isAway(error)) throw error;
    }
  }

  async enqueueUnfinished(): Promise<void> {
    for await (const record of this.imports.all()) {
      if (record.state === 'open') await this.#enqueue(record);
    }
  }

  /** One that was done with a checksum is known to be the same without fetching it again. */
  async #known({ import: id, app, version, channel, sha256 }: ImportRecord, caller: Principal) {
    const known = sha256 === null ? null : await this.imports.find(id);
    if (known?.state !== 'done') return null;
    const release = await this.catalog.find(app, version);
    if (release?.artifact !== known.artifact) return null;
    if (channel !== null) await this.channels.move(app, channel, { version }, caller);
    return { ...known, created: false };
  }

  async #write(fresh: ImportRecord): Promise<ImportRecord> {
    const written = await this.imports.update(fresh.import, (current) => {
      if (current?.state === 'open') return null;
      // What a failed one has gathered is gone on with.
      return { ...fresh, run: (current?.run ?? 0) + 1, gathering: current?.gathering ?? null };
    });
    return written ?? (await this.imports.find(fresh.import)) ?? fresh;
  }

  async #giveUp(id: string): Promise<void> {
    const now = this.clock.now();
    await this.imports.update(id, (current) =>
      current?.state === 'open'
        ? { ...current, state: 'cancelled', source: null, finishedAt: now }
        : null,
    );
  }

  async #find(id: string, caller: Principal): Promise<ImportRecord> {
    const record = await this.imports.find(id);
    if (!record) throw unknownImport(id);
    requireApp(caller, 'push', record.app);
    return record;
  }

  async #enqueueSoon(record: ImportRecord): Promise<void> {
    try {
      await this.#enqueue(record);
    } catch (error) {
      if (!isAway(error)) throw error;
      this.logger.warn('import waits for the job queue', { import: record.import, error });
    }
  }

  async #enqueue(record: ImportRecord): Promise<void> {
    const { import: id, run, app, version } = record;
    const options = { id: jobIdOf(record), attempts: IMPORT_ATTEMPTS, priority: PRIORITY };
    await this.queue.enqueue('import', { import: id, run, about: `${app}@${version}` }, options);
  }

  async #view(record: ImportRecord): Promise<Import> {
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

/** What makes an import this one: asking for it again gives it. */
function idOf(app: string, request: StartImport, { id }: Principal): string {
  const { version, name, from, sha256, bytes, channel, insecureHttp } = request;
  const parts = [app, version, name, from, sha256, bytes, channel, insecureHttp, id];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function jobIdOf({ import: id, run }: ImportRecord): string {
  return `import-${id}-${run}`;
}

function isAway(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'QUEUE_UNREACHABLE';
}
