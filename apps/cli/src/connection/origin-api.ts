import { z } from 'zod';

import {
  AppSummary,
  ChannelState,
  FleetseedError,
  pageOf,
  Release,
  type HttpClient,
} from '#lib/contracts';

import { nearNames } from './near-names.js';
import { route } from './route.js';

type Query = Readonly<Record<string, string | number | undefined>>;

/** Lists are fetched in pages of this many. */
const PAGE = 500;
/** A name that was not found is compared with this many of those that exist. */
const KNOWN_NAMES = 2_000;

/** Calls of the REST API as the verbs need them; what is not found comes with names that are near. */
export class OriginApi {
  constructor(
    readonly client: HttpClient,
    private readonly signal: AbortSignal,
  ) {}

  get<T extends z.ZodType>(path: string, answer: T, query: Query = {}): Promise<z.output<T>> {
    const { signal } = this;
    return this.client.call({ method: 'GET', path: `/api/v1${path}`, query, answer, signal });
  }

  send<T extends z.ZodType>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    json: unknown,
    answer: T,
  ): Promise<z.output<T>> {
    const { signal } = this;
    return this.client.call({ method, path: `/api/v1${path}`, json, answer, signal });
  }

  async remove(path: string): Promise<void> {
    await this.client.bytes({ method: 'DELETE', path: `/api/v1${path}`, signal: this.signal });
  }

  /** A whole list, or its first `limit` items, page by page. */
  async list<T extends z.ZodType>(
    path: string,
    item: T,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<z.output<T>[]> {
    const items: z.output<T>[] = [];
    const page = pageOf(item);
    let after: string | undefined;
    do {
      const query = { limit: Math.min(PAGE, limit - items.length), after };
      const answer = await this.get(path, page, query);
      items.push(...answer.items);
      after = answer.next ?? undefined;
    } while (after !== undefined && items.length < limit);
    return items;
  }

  events<T extends z.ZodType>(path: string, event: T): AsyncGenerator<z.output<T>> {
    return this.client.events(`/api/v1${path}`, event, this.signal);
  }

  release(app: string, version: string): Promise<Release> {
    const path = route`/apps/${app}/releases/${version}`;
    return this.suggesting(app, version, () => this.get(path, Release));
  }

  channel(app: string, channel: string): Promise<ChannelState> {
    const path = route`/apps/${app}/channels/${channel}`;
    return this.suggesting(app, channel, () => this.get(path, ChannelState));
  }

  /**
   * Runs a call about `app` and one of its versions or channels; if that does not exist, the error
   * gets a hint with the names that do and are near.
   */
  async suggesting<T>(app: string, name: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof FleetseedError) || error.exit !== 4) throw error;
      const hint = await this.#hintFor(error, app, name).catch(() => null);
      if (hint === null) throw error;
      throw new FleetseedError(
        error.code,
        error.message,
        { ...error.facts, hint },
        { cause: error },
      );
    }
  }

  async #hintFor(error: FleetseedError, app: string, name: string): Promise<string | null> {
    switch (error.code) {
      case 'APP_NOT_FOUND': {
        const apps = await this.list('/apps', AppSummary, KNOWN_NAMES);
        return suggestion(
          app,
          apps.map((known) => known.app),
          'apps',
        );
      }
      case 'VERSION_NOT_FOUND': {
        const releases = await this.list(route`/apps/${app}/releases`, Release, KNOWN_NAMES);
        return suggestion(
          name,
          releases.map((release) => release.version),
          'versions',
        );
      }
      case 'CHANNEL_NOT_FOUND': {
        const channels = await this.list(route`/apps/${app}/channels`, ChannelState, KNOWN_NAMES);
        return suggestion(
          name,
          channels.map((state) => state.channel),
          'channels',
        );
      }
      default:
        return null;
    }
  }
}

/** What somebody may have meant; without a near name, the first of those there are. */
export function suggestion(given: string, known: readonly string[], what: string): string | null {
  const near = nearNames(given, known);
  if (near.length > 0) return `did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`;
  if (known.length === 0) return `there are no ${what} that this token may see`;
  const rest = known.length > 5 ? ', …' : '';
  return `there are: ${known.slice(0, 5).join(', ')}${rest}`;
}
