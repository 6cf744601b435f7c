import { setTimeout as sleep } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import { OriginEvents } from '../events/origin-events.js';
import { CollectionWindow } from './collection-window.js';
import { GarbageFinder, idOf, KINDS, kindOf, type Kind } from './garbage.finder.js';
import type { LiveMarks } from './live-marks.js';

/** Between two windows, for uploads that wait to begin. */
const PAUSE_MS = 500;
/** Deletions between two looks at the window. */
const BATCH = 16;

export interface SweepOptions {
  readonly collection: string;
  readonly signal: AbortSignal;
  /** What is needed of what has come since the marks; asked in every window, once it is open. */
  readonly lookAgain: () => Promise<LiveMarks>;
  readonly removed: (thing: string, bytes: number) => void;
}

/** Deletes what is due, in windows. */
@Injectable()
export class Sweeper {
  constructor(
    private readonly window: CollectionWindow,
    private readonly garbage: GarbageFinder,
    private readonly library: ArtifactLibrary,
    private readonly events: OriginEvents,
  ) {}

  /** Artifacts go before what they name, so that an interruption leaves none without its content. */
  async sweep(due: readonly string[], options: SweepOptions): Promise<void> {
    const order = (thing: string) => KINDS.indexOf(kindOf(thing) satisfies Kind);
    const rest = due.toSorted((a, b) => order(a) - order(b));
    while (rest.length > 0) {
      options.signal.throwIfAborted();
      const window = await this.window.open(options.collection);
      try {
        const marks = await options.lookAgain();
        while (rest.length > 0 && (await window.mayDelete())) {
          options.signal.throwIfAborted();
          const batch = rest.splice(0, BATCH);
          await Promise.all(batch.map((thing) => this.#remove(thing, marks, options)));
        }
      } finally {
        await window.close();
      }
      if (rest.length > 0) await sleep(PAUSE_MS, undefined, { signal: options.signal });
    }
  }

  async #remove(thing: string, marks: LiveMarks, { removed }: SweepOptions): Promise<void> {
    if (this.garbage.isLive(thing, marks)) return;
    if (await this.garbage.isDeclared(thing, marks)) return;
    const bytes = await this.garbage.bytesOf(thing);
    if (kindOf(thing) === 'artifacts') this.library.forget(idOf(thing));
    await this.garbage.remove(thing);
    if (kindOf(thing) === 'artifacts') this.events.emit('artifactRemoved', idOf(thing));
    removed(thing, bytes);
  }
}
