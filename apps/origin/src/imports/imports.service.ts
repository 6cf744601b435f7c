import { createHash } from 'node:crypto';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import {
  FleetseedError,
  type Import,
  type Page,
  type PageQuery,
  type StartImport,
} from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import { checkComponent } from '#lib/torrent';

import { mayApp, requireApp, type Principal } from '../auth/principal.js';
import { ChannelsService } from '../channels/channels.service.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { unknownImport } from './import-errors.js';
import type { ImportRecord } from './import-record.js';
import { ImportSources } from './import-sources.js';
import { ImportStore } from './import-store.js';
import { ImportViews, isAway, jobIdOf } from './import-views.js';
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
    private readonly views: ImportViews,
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
    if (address.kind === 's3-tree' && sha256 !== null) {
      throw new FleetseedError('REQUEST_INVALID', 'A tree has no SHA-256: give it for a file.');
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
    return this.views.one(record);
  }

  /**
   * Those that the caller may push to, the newest first; what ended long ago is forgotten.
   * @param app of this app only
   */
  async list({ after, limit }: PageQuery, caller: Principal, app?: string): Promise<Page<Import>> {
    const found: ImportRecord[] = [];
    for await (const record of this.imports.all()) {
      const isAsked = app === undefined || record.app === app;
      if (isAsked && mayApp(caller, 'push', record.app)) found.push(record);
    }
    const inOrder = found
      .map((record) => ({ record, cursor: cursorOf(record) }))
      .filter(({ cursor }) => after === undefined || cursor < after)
      .sort((a, b) => (a.cursor < b.cursor ? 1 : -1));
    const page = inOrder.slice(0, limit);
    const next = inOrder.length > limit ? (page.at(-1)?.cursor ?? null) : null;
    return { items: await this.views.of(page.map(({ record }) => record)), next };
  }

  async get(id: string, caller: Principal): Promise<Import> {
    return this.views.one(await this.#find(id, caller));
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
    const { import: id, run, app, version, from } = record;
    const options = { id: jobIdOf(record), attempts: IMPORT_ATTEMPTS, priority: PRIORITY };
    const data = { import: id, run, from, about: `${app}@${version}` };
    await this.queue.enqueue('import', data, options);
  }
}

/** Grows with time, whatever comes between or goes while somebody turns pages. */
function cursorOf({ createdAt, import: id }: ImportRecord): string {
  return `${String(createdAt).padStart(15, '0')}-${id}`;
}

/** What makes an import this one: asking for it again gives it. */
function idOf(app: string, request: StartImport, { id }: Principal): string {
  const { version, name, from, sha256, bytes, channel, insecureHttp } = request;
  const parts = [app, version, name, from, sha256, bytes, channel, insecureHttp, id];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
