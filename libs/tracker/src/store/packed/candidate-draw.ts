import { CANDIDATE, type CandidateSet } from '../candidate-set.js';
import { MAX_ORIGINS } from '../peer-store.js';
import type { HostTable } from './host-table.js';
import { DEAF_LANE, ORIGIN_LANE } from './lanes.js';
import { FLAGS_SHIFT, handedOut } from './member-entry.js';
import type { MemberGroups } from './member-groups.js';
import { MemberSampler } from './member-sampler.js';
import type { PageSlab } from './page-slab.js';
import type { Profile } from './profile-table.js';

/** Places of FLAG_V1 and FLAG_V2 among the flags. */
const HASHES_SHIFT = FLAGS_SHIFT + 2;

/** Fills a set with candidates for one peer, and tells later which peers its places stand for. */
export class CandidateDraw {
  readonly sampler: MemberSampler;
  /** Of the peer that is left out; it is in none when nobody is. */
  #lane = DEAF_LANE;

  constructor(
    private readonly slab: PageSlab,
    private readonly hosts: HostTable,
    private readonly groups: MemberGroups,
    private readonly set: CandidateSet,
  ) {
    this.sampler = new MemberSampler(slab, groups, set);
  }

  /** @param seed of the draws that follow, which leave nobody out. */
  begin(seed: number, tick: number): void {
    this.sampler.begin(seed, 0, tick);
    this.#lane = DEAF_LANE;
  }

  /** The peer that asks, which is no candidate, by the number of its first word. */
  leaveOut(address: number, lane: number): void {
    this.sampler.self = address;
    this.#lane = lane;
  }

  /**
   * @param first group of the swarm.
   * @param hashes announced by who asks: FLAG_V1, FLAG_V2.
   * @param units of load now: see loadOf.
   */
  draw(first: number, asks: Profile, hashes: number, sample: number, units: number): void {
    const { sampler, groups } = this;
    sampler.units = units;
    sampler.askedBy(asks.kind === 'stranger' ? (hashes >>> HASHES_SHIFT) & 3 : null);
    const { zoneId } = asks;
    let [near, far] = [0, 0];
    for (let group = first; group !== 0; group = groups.nextOf(group)) {
      const lane = groups.laneOf(group);
      if (lane === DEAF_LANE || lane === ORIGIN_LANE) continue;
      if (lane === zoneId && zoneId !== 0) near += groups.sizeOf(group);
      else far += groups.sizeOf(group);
    }
    if (near > 0 && this.#lane === zoneId) near--;
    const half = zoneId === 0 ? 0 : Math.floor(sample / 2);
    const wantNear = Math.min(near, Math.max(half, sample - far));
    let wantFar = Math.min(far, sample - wantNear);
    for (let group = first; group !== 0; group = groups.nextOf(group)) {
      const lane = groups.laneOf(group);
      if (lane === DEAF_LANE) continue;
      if (lane === ORIGIN_LANE) {
        sampler.draw(group, MAX_ORIGINS, CANDIDATE.origin);
      } else if (lane === zoneId && zoneId !== 0) {
        const from = this.set.length;
        sampler.draw(group, wantNear, 0);
        if (asks.rackId !== 0) this.#markRack(from, asks.rackId);
      } else {
        // In proportion to their sizes.
        const size = groups.sizeOf(group);
        const part = Math.ceil((wantFar * size) / far);
        wantFar -= sampler.draw(group, part, zoneId === 0 ? 0 : CANDIDATE.remote);
        far -= size;
      }
    }
  }

  /** The number of the host at a place. */
  hostAt(place: number): number {
    return this.sampler.hosts[place]!;
  }

  whatAt(place: number): number {
    const address = this.sampler.addresses[place]!;
    return this.slab.chunkOf(address)[this.slab.offsetOf(address) + 1]!;
  }

  /** Adds one hand-out to the load of the peer at a place. */
  handOut(place: number): void {
    const address = this.sampler.addresses[place]!;
    const chunk = this.slab.chunkOf(address);
    const at = this.slab.offsetOf(address) + 1;
    chunk[at] = handedOut(chunk[at]!, this.sampler.units, this.sampler.random());
  }

  #markRack(from: number, rackId: number): void {
    for (let place = from; place < this.set.length; place++) {
      const same = this.hosts.profileOf(this.hostAt(place)).rackId === rackId;
      if (same) this.set.flags[place]! |= CANDIDATE.sameRack;
    }
  }
}
