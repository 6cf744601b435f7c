import { Inject, Injectable } from '@nestjs/common';

import type { CollectionReport } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { ChannelStore } from '../channels/channel-store.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { neededByChannels, releasesToRetire, type RetentionRules } from './retention.policy.js';

type Change = Pick<CollectionReport, 'retired' | 'restored'>;

/** Gives releases up by the rules, and takes those back that a channel was moved to meanwhile. */
@Injectable()
export class Retention {
  constructor(
    private readonly catalog: ReleaseCatalog,
    private readonly channels: ChannelStore,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async apply(dryRun: boolean, signal: AbortSignal): Promise<Change> {
    const change = { retired: [], restored: [] } as { [K in keyof Change]: Change[K][number][] };
    for (const app of await this.catalog.apps()) {
      signal.throwIfAborted();
      const channels = await this.#histories(app);
      const needed = neededByChannels({ channels }, this.#rules);
      for (const { release } of await this.catalog.retired(app)) {
        if (!needed.has(release.version)) continue;
        if (!dryRun) await this.catalog.restore(release);
        change.restored.push({ app, version: release.version });
      }
      const kept = { releases: await this.catalog.list(app), channels };
      const retiring = releasesToRetire(kept, this.#rules, this.clock.now());
      if (!dryRun) for (const release of retiring) await this.catalog.retire(release);
      // Whoever moves a channel looks after that whether the release is retired; here the other way round.
      const now =
        retiring.length === 0 || dryRun
          ? needed
          : neededByChannels({ channels: await this.#histories(app) }, this.#rules);
      for (const release of retiring) {
        if (now.has(release.version)) await this.catalog.restore(release);
        else change.retired.push({ app, version: release.version });
      }
    }
    return change;
  }

  get #rules(): RetentionRules {
    return {
      keepLast: this.config.retentionKeepLast,
      keepMs: this.config.retentionKeepDays * 86_400_000,
      channelEntries: this.config.retentionChannelEntries,
    };
  }

  async #histories(app: string) {
    const states = await this.channels.list(app);
    const entries = Math.max(2, this.#rules.channelEntries);
    return Promise.all(states.map(({ channel }) => this.channels.history(app, channel, entries)));
  }
}
