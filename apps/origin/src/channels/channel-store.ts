import { Inject, Injectable } from '@nestjs/common';

import { ChannelState } from '#lib/contracts';
import { AppendLog, depotPrefix, type Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';

/** Unknown fields are kept, so that a build of tomorrow finds what it wrote. */
const StoredState = ChannelState.loose();

/** The logs of all channels; the newest entry is what a channel means now. */
@Injectable()
export class ChannelStore {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What the channel means now; null if there is no such channel. */
  async newest(app: string, channel: string): Promise<ChannelState | null> {
    const entry = await this.#log(app, channel).newest();
    return entry && ChannelState.parse(entry.state);
  }

  /** Its sequence alone, for the price of one small listing; 0 if there is no such channel. */
  newestSequence(app: string, channel: string): Promise<number> {
    return this.#log(app, channel).newestNumber();
  }

  /** Newest first, `limit` entries of sequences below `before`. */
  async history(
    app: string,
    channel: string,
    limit: number,
    before?: number,
  ): Promise<ChannelState[]> {
    const entries = await this.#log(app, channel).history(limit, before);
    return entries.map(({ state }) => ChannelState.parse(state));
  }

  /** All channels of an app, by name. */
  async list(app: string): Promise<ChannelState[]> {
    const prefix = depotPrefix.channels(app);
    const { keys } = await this.depot.list(prefix, { folders: true, limit: 10_000 });
    const states = await Promise.all(
      keys.map((key) => this.newest(app, key.slice(prefix.length, -1))),
    );
    return states.filter((state) => state !== null);
  }

  /**
   * Appends what `change` makes of the newest state; it may be called again when somebody else was
   * faster. @returns the new state, or null if `change` declined.
   */
  async update(
    app: string,
    channel: string,
    change: (newest: ChannelState | null) => ChannelState | null,
  ): Promise<ChannelState | null> {
    const entry = await this.#log(app, channel).update((newest) => change(newest?.state ?? null));
    return entry && ChannelState.parse(entry.state);
  }

  #log(app: string, channel: string): AppendLog<ChannelState> {
    return new AppendLog<ChannelState>(this.depot, depotPrefix.channel(app, channel), StoredState, {
      clock: this.clock,
    });
  }
}
