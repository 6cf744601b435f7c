import type { DesiredApp } from '#lib/contracts';

import { textOf } from './agent.streams.js';
import type { Followed } from './desired-state.js';

/** What a target should have, and the event that tells it so. */
export interface DesiredList {
  readonly apps: DesiredApp[];
  readonly text: string;
}

/** Different wishes at a time; a fleet has a few. */
const MOST = 1000;

/**
 * Lists that were made since the last channel moved, by what is followed: most targets of a fleet follow the
 * same, so that a list is made once and told to thousands.
 */
export class DesiredLists {
  readonly #lists = new Map<string, DesiredList>();
  #generation = -1;

  /** @param generation of the channels' heads: another one than before, and nothing is known. */
  get(follows: readonly Followed[], generation: number): DesiredList | undefined {
    return generation === this.#generation ? this.#lists.get(keyOf(follows)) : undefined;
  }

  keep(follows: readonly Followed[], generation: number, apps: DesiredApp[]): DesiredList {
    if (generation !== this.#generation || this.#lists.size >= MOST) this.#lists.clear();
    this.#generation = generation;
    const list = { apps, text: textOf({ type: 'desired', apps }) };
    this.#lists.set(keyOf(follows), list);
    return list;
  }
}

/** Neither `@` nor a blank is in a name. */
function keyOf(follows: readonly Followed[]): string {
  return follows.map(({ app, channel }) => `${app}@${channel}`).join(' ');
}
