import { Injectable } from '@nestjs/common';

import {
  FleetseedError,
  type AppSummary,
  type Page,
  type PageQuery,
  type Release,
} from '#lib/contracts';

import { mayApp, type Principal } from '../auth/principal.js';
import { ChannelStore } from '../channels/channel-store.js';
import { ReleaseCatalog } from './release-catalog.js';

/** What apps and releases there are, as the API shows them. */
@Injectable()
export class ReleasesService {
  constructor(
    private readonly catalog: ReleaseCatalog,
    private readonly channels: ChannelStore,
  ) {}

  /** The apps that the caller may read. */
  async apps(caller: Principal, { after, limit }: PageQuery): Promise<Page<AppSummary>> {
    const readable = (await this.catalog.apps()).filter((app) => mayApp(caller, 'read', app));
    const rest = after === undefined ? readable : readable.filter((app) => app > after);
    const page = rest.slice(0, limit);
    const items = await Promise.all(page.map((app) => this.#summary(app)));
    return { items, next: rest.length > limit ? (page.at(-1) ?? null) : null };
  }

  /** @throws APP_NOT_FOUND */
  async app(app: string): Promise<AppSummary> {
    const summary = await this.#summary(app);
    if (summary.releases === 0 && summary.channels.length === 0) throw unknownApp(app);
    return summary;
  }

  /** @throws APP_NOT_FOUND */
  async list(app: string, { after, limit }: PageQuery): Promise<Page<Release>> {
    const all = await this.catalog.list(app);
    if (all.length === 0) throw unknownApp(app);
    const start = after === undefined ? 0 : all.findIndex(({ version }) => version === after) + 1;
    const items = all.slice(start, start + limit);
    const more = start + limit < all.length;
    return { items, next: more ? (items.at(-1)?.version ?? null) : null };
  }

  /** @throws VERSION_NOT_FOUND, APP_NOT_FOUND */
  async get(app: string, version: string): Promise<Release> {
    const release = await this.catalog.find(app, version);
    if (release) return release;
    if ((await this.catalog.list(app)).length === 0) throw unknownApp(app);
    throw new FleetseedError('VERSION_NOT_FOUND', `${app} has no version ${version}.`, {
      app,
      version,
    });
  }

  /** A release that is needed after all. @returns whether it was retired */
  async takeBack(release: Release): Promise<boolean> {
    const retired = await this.catalog.isRetired(release.app, release.version);
    if (retired) await this.catalog.restore(release);
    return retired;
  }

  async #summary(app: string): Promise<AppSummary> {
    const [releases, channels] = await Promise.all([
      this.catalog.list(app),
      this.channels.list(app),
    ]);
    return {
      app,
      releases: releases.length,
      channels: channels.map(({ channel, version }) => ({ channel, version })),
    };
  }
}

function unknownApp(app: string): FleetseedError {
  return new FleetseedError('APP_NOT_FOUND', `There is no app ${app}.`, { app });
}
