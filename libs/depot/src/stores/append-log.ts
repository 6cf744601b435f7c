import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { systemClock, type Clock } from '#lib/runtime';

import type { Depot } from '../depot.js';
import { DocumentStore } from './document-store.js';

/** One entry: the whole state as it then was. */
export interface LogEntry<State> {
  readonly v: number;
  /** 1 for the first entry. */
  readonly n: number;
  /** The number of the entry before, 0 for none. */
  readonly predecessor: number;
  /** Who wrote it: tells after an unknown outcome whether it was us. */
  readonly writer: string;
  /** Milliseconds since the epoch, by the writer's clock; the order is by `n` alone. */
  readonly at: number;
  readonly state: State;
}

export type AppendResult<State> =
  | { readonly appended: true; readonly entry: LogEntry<State> }
  /** Somebody else was first; `newest` is what the log has now. */
  | { readonly appended: false; readonly newest: LogEntry<State> | null };

export const LOG_FORMAT = 1;
const KEY_DIGITS = 20;
const LAST_KEY = 10n ** BigInt(KEY_DIGITS) - 1n;

/** Keys count down, so that a listing of one key finds the newest entry. */
export function logKeyOf(n: number): string {
  return `${String(LAST_KEY - BigInt(n)).padStart(KEY_DIGITS, '0')}.json`;
}

function numberOf(key: string): number {
  return Number(LAST_KEY - BigInt(key.slice(0, KEY_DIGITS)));
}

/**
 * An append-only log under a prefix (`apps/<app>/channels/<channel>/`). Every entry carries the
 * whole state, so the newest is all one needs to read; the others are the history.
 */
export class AppendLog<State> {
  readonly #entries: DocumentStore<LogEntry<State>>;
  readonly #clock: Clock;

  /** @param prefix ends in `/`; nothing else lives under it. */
  constructor(
    private readonly depot: Depot,
    private readonly prefix: string,
    state: z.ZodType<State>,
    options: { readonly clock?: Clock } = {},
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#entries = new DocumentStore(depot, entrySchema(state), LOG_FORMAT);
  }

  /** @throws DEPOT_FORMAT_NEWER, DEPOT_CORRUPT */
  async newest(): Promise<LogEntry<State> | null> {
    return (await this.history(1))[0] ?? null;
  }

  /** The number of the newest entry, from its key alone; 0 for an empty log. */
  async newestNumber(): Promise<number> {
    const { keys } = await this.depot.list(this.prefix, { limit: 1 });
    return keys[0] === undefined ? 0 : numberOf(keys[0].slice(this.prefix.length));
  }

  /** The newest entries first, at most `limit`; with `before`, only those of lower numbers. */
  async history(limit: number, before?: number): Promise<LogEntry<State>[]> {
    const after = before === undefined ? {} : { after: this.prefix + logKeyOf(before) };
    const { keys } = await this.depot.list(this.prefix, { limit, ...after });
    const entries = await Promise.all(keys.map((key) => this.#entries.read(key)));
    return entries.flatMap((entry) => (entry ? [entry.value] : []));
  }

  /**
   * Appends `state` if the newest entry is still number `predecessor` (0: the log is empty). Of
   * any number of racers with one predecessor exactly one appends.
   */
  async append(predecessor: number, state: State): Promise<AppendResult<State>> {
    const newest = await this.newest();
    if ((newest?.n ?? 0) !== predecessor) return { appended: false, newest };
    const entry: LogEntry<State> = {
      v: LOG_FORMAT,
      n: predecessor + 1,
      predecessor,
      writer: randomUUID(),
      at: this.#clock.now(),
      state,
    };
    const key = this.prefix + logKeyOf(entry.n);
    if (await this.#entries.create(key, entry)) return { appended: true, entry };
    const winner = await this.#entries.read(key);
    if (winner?.value.writer === entry.writer) return { appended: true, entry };
    return { appended: false, newest: await this.newest() };
  }

  /**
   * Appends what `change` makes of the newest entry, again and again until nobody came between.
   * @returns the entry, or null if `change` declined by returning null.
   * @throws PRECONDITION_FAILED after twenty lost races.
   */
  async update(
    change: (newest: LogEntry<State> | null) => State | null,
  ): Promise<LogEntry<State> | null> {
    let newest = await this.newest();
    for (let attempt = 0; attempt < 20; attempt++) {
      const state = change(newest);
      if (state === null) return null;
      const result = await this.append(newest?.n ?? 0, state);
      if (result.appended) return result.entry;
      newest = result.newest;
    }
    throw new FleetseedError('PRECONDITION_FAILED', 'A log is being written by many.', {
      prefix: this.prefix,
    });
  }
}

function entrySchema<State>(state: z.ZodType<State>): z.ZodType<LogEntry<State>> {
  const shape = {
    v: z.number().int().positive(),
    n: z.number().int().positive(),
    predecessor: z.number().int().nonnegative(),
    writer: z.string(),
    at: z.number(),
    state,
  };
  return z.looseObject(shape);
}
