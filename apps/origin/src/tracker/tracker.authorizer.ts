import { Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { ANYBODY, type AuthorizeKey, type TrackerCaller } from '#lib/tracker';

import { TrackerKeys, type TrackerGrant } from '../auth/tracker-keys.js';
import { TargetRegistry } from '../targets/target.registry.js';
import { swarmIdOf } from './artifact.index.js';

/** Keys that left our hands inside a `.torrent`: their holders are stock clients. */
const HANDED_OUT = 'k.';

/** Says who a tracker key belongs to. */
@Injectable()
export class TrackerAuthorizer {
  constructor(
    private readonly keys: TrackerKeys,
    private readonly targets: TargetRegistry,
  ) {}

  /** @throws TRACKER_KEY_INVALID also for a good key of another artifact */
  readonly authorize: AuthorizeKey = async (key, swarm) => {
    const grant = this.keys.checkNow(key) ?? (await this.keys.check(key));
    if (grant.artifact !== null && swarmIdOf(grant.artifact) !== swarm) {
      throw new FleetseedError('TRACKER_KEY_INVALID', 'The tracker key is for another torrent.');
    }
    const caller = await this.#callerOf(grant);
    return key.startsWith(HANDED_OUT) ? { ...ANYBODY, id: caller.id } : caller;
  };

  /** @throws TRACKER_KEY_INVALID for a target that was removed */
  async member(target: string): Promise<TrackerCaller> {
    const document = await this.targets.find(target);
    if (!document) {
      throw new FleetseedError('TRACKER_KEY_INVALID', 'The target was removed.', { target });
    }
    const { zone = '', rack = '' } = document.labels;
    return { id: target, kind: 'member', zone, rack };
  }

  async #callerOf({ holder, id }: TrackerGrant): Promise<TrackerCaller> {
    if (holder === 'target') return this.member(id);
    return { id, kind: 'member', zone: '', rack: '' };
  }
}
