import { Inject, Injectable } from '@nestjs/common';

import type { Page, PageQuery, Target } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { Presence } from './presence.js';
import { TargetRegistry, type StoredTarget } from './target.registry.js';
import { TargetStates } from './target.states.js';

/** The machines of the fleet, as operators see them. */
@Injectable()
export class TargetsService {
  constructor(
    private readonly registry: TargetRegistry,
    private readonly presence: Presence,
    private readonly states: TargetStates,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** In order of their ids. @param labels keys and values; only targets that have all are shown. */
  list(
    { after, limit }: PageQuery,
    labels: readonly (readonly [string, string])[] = [],
  ): Page<Target> {
    const found = this.registry
      .all()
      .filter((each) => labels.every(([key, value]) => each.labels[key] === value))
      .filter((each) => after === undefined || each.target > after)
      .sort((a, b) => (a.target < b.target ? -1 : 1));
    const items = found.slice(0, limit).map((each) => this.#shown(each));
    return { items, next: found.length > limit ? (items.at(-1)?.target ?? null) : null };
  }

  /** @throws TARGET_NOT_FOUND */
  async get(target: string): Promise<Target> {
    return this.#shown(await this.registry.get(target));
  }

  #shown(stored: StoredTarget): Target {
    const { target, hostname, labels, agentVersion, joinedAt } = stored;
    const { freeBytes, apps } = this.states.of(target);
    return {
      target,
      hostname,
      labels,
      agentVersion,
      joinedAt,
      // Presence is not kept over a restart of the origin: joining is the last that is known then.
      lastSeenAt: this.presence.lastSeenAt(target) ?? joinedAt,
      online: this.presence.isOnline(target, this.clock.now()),
      freeBytes,
      apps: [...apps],
    };
  }
}
