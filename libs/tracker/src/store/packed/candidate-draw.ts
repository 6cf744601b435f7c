import { CANDIDATE, MAX_CANDIDATES, type CandidateSet } from '../candidate-set.js';
import { MAX_ORIGINS } from '../peer-store.js';
import type { HostTable } from './host-table.js';
import { DEAF_LANE, ORIGIN_LANE } from './lanes.js';
import {
  FLAG_STRANGER,
  FLAG_V1,
  FLAG_V2,
  STATE,
  handedOut,
  hostOf,
  loadOf,
  stateOf,
} from './member-entry.js';
import type { MemberGroups } from './member-groups.js';
import { MemberSampler } from './member-sampler.js';
import type { PageSlab } from './page-slab.js';
import type { Profile } from './profile-table.js';

const HASHES = FLAG_V1 | FLAG_V2;

/** Fills a set with candidates for one peer, and tells later which peers its places stand for. */
export class CandidateDraw {
  readonly sampler: MemberSampler;
  /** Numbers of the first words of the candidates' entries. */
  readonly #addresses = new Float64Array(MAX_CANDIDATES);
  #units = 0;
  #hashes = 0;
  #asksStranger = false;
  #rackId = 0;
  #laneFlags = 0;
  #near = false;

  constructor(
    private readonly slab: PageSlab,
    private readonly hosts: HostTable,
    private readonly groups: MemberGroups,
    private readonly set: CandidateSet,
  ) {
    this.sampler = new MemberSampler(slab, groups);
  }

  /**
   * @param first group of the swarm.
   * @param hashes announced by who asks: FLAG_V1, FLAG_V2.
   * @param units of load now: see {@link loadOf}.
   */
  draw(first: number, asks: Profile, hashes: number, sample: number, units: number): void {
    this.#units = units;
    this.#hashes = hashes;
    this.#asksStranger = asks.kind === 'stranger';
    this.#rackId = asks.rackId;
    const { zoneId } = asks;
    const [near, far] = this.#sizes(first, zoneId);
    const half = zoneId === 0 ? 0 : Math.floor(sample / 2);
    let wantNear = Math.min(near, Math.max(half, sample - far));
    let wantFar = Math.min(far, sample - wantNear);
    let leftFar = far;
    for (let group = first; group !== 0; group = this.groups.nextOf(group)) {
      const lane = this.groups.laneOf(group);
      if (lane === DEAF_LANE) continue;
      if (lane === ORIGIN_LANE) {
        this.#drawFrom(group, MAX_ORIGINS, CANDIDATE.origin, false);
      } else if (lane === zoneId && zoneId !== 0) {
        wantNear -= this.#drawFrom(group, wantNear, 0, true);
      } else {
        // In proportion to their sizes.
        const size = this.groups.sizeOf(group);
        const part = Math.ceil((wantFar * size) / leftFar);
        wantFar -= this.#drawFrom(group, part, zoneId === 0 ? 0 : CANDIDATE.remote, false);
        leftFar -= size;
      }
    }
  }

  /** The number of the host at a place. */
  hostAt(place: number): number {
    const address = this.#addresses[place]!;
    return hostOf(this.slab.chunkOf(address)[this.slab.offsetOf(address)]!);
  }

  whatAt(place: number): number {
    const address = this.#addresses[place]!;
    return this.slab.chunkOf(address)[this.slab.offsetOf(address) + 1]!;
  }

  /** Adds one hand-out to the load of the peer at a place. */
  handOut(place: number): void {
    const address = this.#addresses[place]!;
    const chunk = this.slab.chunkOf(address);
    const at = this.slab.offsetOf(address) + 1;
    chunk[at] = handedOut(chunk[at]!, this.#units, this.sampler.random());
  }

  /** Peers of the own zone, and all others that can be handed out but origins. */
  #sizes(first: number, zoneId: number): [number, number] {
    let [near, far] = [0, 0];
    for (let group = first; group !== 0; group = this.groups.nextOf(group)) {
      const lane = this.groups.laneOf(group);
      if (lane === DEAF_LANE || lane === ORIGIN_LANE) continue;
      if (lane === zoneId && zoneId !== 0) near += this.groups.sizeOf(group);
      else far += this.groups.sizeOf(group);
    }
    // Who asks is in its own zone, and no candidate.
    return [near > 0 && this.sampler.self !== 0 ? near - 1 : near, far];
  }

  #drawFrom(group: number, want: number, flags: number, near: boolean): number {
    this.#laneFlags = flags;
    this.#near = near && this.#rackId !== 0;
    return want <= 0 ? 0 : this.sampler.draw(group, want, this.#take);
  }

  readonly #take = (address: number, who: number, what: number): void => {
    const { set } = this;
    const place = set.length;
    if (place === MAX_CANDIDATES) return;
    let flags = this.#laneFlags;
    if (stateOf(what) === STATE.complete) flags |= CANDIDATE.complete;
    if (this.#near && this.hosts.profileOf(hostOf(who)).rackId === this.#rackId) {
      flags |= CANDIDATE.sameRack;
    }
    if (this.#asksStranger && (what & FLAG_STRANGER) !== 0) {
      const theirs = what & HASHES;
      if ((theirs & this.#hashes) === 0 && theirs !== this.#hashes) flags |= CANDIDATE.barred;
    }
    set.flags[place] = flags;
    set.loads[place] = loadOf(what, this.#units);
    this.#addresses[place] = address;
    set.length = place + 1;
  };
}
