import { Injectable } from '@nestjs/common';

import { FleetseedError, type Labels } from '#lib/contracts';
import {
  ANYBODY,
  type AuthorizeKey,
  type RecognizeKey,
  type SwarmId,
  type TrackerCaller,
} from '#lib/tracker';

import { TrackerKeys, type TrackerGrant } from '../auth/tracker-keys.js';
import { TargetRegistry } from '../targets/target.registry.js';

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
    const grant = await this.keys.check(key);
    requireSwarm(grant, swarm);
    const caller =
      grant.holder === 'target' ? await this.member(grant.id) : callerOf(grant.id, NOWHERE);
    return key.startsWith(HANDED_OUT) ? { ...ANYBODY, id: caller.id } : caller;
  };

  /** The same without waiting, for a key that comes again and again. */
  readonly recognize: RecognizeKey = (key) => {
    const facts = this.keys.read(key);
    const isHandedOut = facts.kind === HANDED_OUT[0];
    // Nearly always who it was the last time, and then the same object.
    let caller: TrackerCaller = ANYBODY;
    let labelled: Labels | null = null;
    return {
      callerNow: (swarm) => {
        const grant = this.keys.grantNow(facts);
        if (!grant) return null;
        requireSwarm(grant, swarm);
        const labels = grant.holder === 'token' ? NOWHERE : this.targets.known(grant.id)?.labels;
        if (!labels) return null;
        if (caller.id === grant.id && labelled === labels) return caller;
        labelled = labels;
        caller = isHandedOut ? { ...ANYBODY, id: grant.id } : callerOf(grant.id, labels);
        return caller;
      },
    };
  };

  /** @throws TRACKER_KEY_INVALID for a target that was removed */
  async member(target: string): Promise<TrackerCaller> {
    const document = await this.targets.find(target);
    if (document) return callerOf(target, document.labels);
    throw new FleetseedError('TRACKER_KEY_INVALID', 'The target was removed.', { target });
  }
}

const NOWHERE: Labels = {};

function callerOf(id: string, { zone = '', rack = '' }: Labels): TrackerCaller {
  return { id, kind: 'member', zone, rack };
}

function requireSwarm({ artifact }: TrackerGrant, swarm: SwarmId): void {
  if (artifact === null || artifact.startsWith(swarm)) return;
  throw new FleetseedError('TRACKER_KEY_INVALID', 'The tracker key is for another torrent.');
}
