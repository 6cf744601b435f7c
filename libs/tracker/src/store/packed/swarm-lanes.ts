import { MAX_GROUPS, ORIGIN_LANE } from './lanes.js';
import type { MemberGroups } from './member-groups.js';
import type { PeerKey } from './peer-key.js';
import type { SwarmTable } from './swarm-table.js';

/** Which groups a swarm has: a chain of a few, one a lane. */
export class SwarmLanes {
  constructor(
    private readonly swarms: SwarmTable,
    private readonly groups: MemberGroups,
  ) {}

  /** @returns the group in which the peer is, 0 for none */
  find(swarm: number, lane: number, key: PeerKey, host: number): number {
    const first = this.swarms.firstGroup(swarm);
    // Nearly always it is where its labels say; they may have changed.
    for (let group = first; group !== 0; group = this.groups.nextOf(group)) {
      if (this.groups.laneOf(group) !== lane) continue;
      if (this.groups.find(group, key, host)) return group;
    }
    for (let group = first; group !== 0; group = this.groups.nextOf(group)) {
      if (this.groups.laneOf(group) === lane) continue;
      if (this.groups.find(group, key, host)) return group;
    }
    return 0;
  }

  /** The group of a lane, made where there is none. */
  groupOf(swarm: number, lane: number, tick: number): number {
    const first = this.swarms.firstGroup(swarm);
    let [count, others] = [0, 0];
    for (let group = first; group !== 0; group = this.groups.nextOf(group)) {
      const its = this.groups.laneOf(group);
      if (its === lane) return group;
      if (its === 0) others = group;
      count++;
    }
    const tooMany = count >= MAX_GROUPS && lane < ORIGIN_LANE;
    if (tooMany && others !== 0) return others;
    const group = this.groups.add(tooMany ? 0 : lane, first, tick);
    this.swarms.setFirstGroup(swarm, group);
    return group;
  }

  /** Takes an empty group away. @returns true when it was the last one */
  drop(swarm: number, group: number): boolean {
    const next = this.groups.nextOf(group);
    const first = this.swarms.firstGroup(swarm);
    if (first === group) {
      this.swarms.setFirstGroup(swarm, next);
    } else {
      let before = first;
      while (this.groups.nextOf(before) !== group) before = this.groups.nextOf(before);
      this.groups.setNext(before, next);
    }
    this.groups.free(group);
    return this.swarms.firstGroup(swarm) === 0;
  }
}
