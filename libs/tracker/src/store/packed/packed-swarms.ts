import type { Random } from '#lib/runtime';

import { CandidateSet } from '../candidate-set.js';
import type { PeerCandidate, PeerRecord, PickPeers } from '../peer-store.js';
import { CandidateDraw } from './candidate-draw.js';
import { HostTable, markOfClient } from './host-table.js';
import { laneOf } from './lanes.js';
import {
  FLAG_STRANGER,
  FLAG_V1,
  FLAG_V2,
  MAX_HOSTS,
  STATE,
  STATES,
  endOf,
  endTick,
  expiryOf,
  forgetFaded,
  hostOf,
  isOver,
  loadUnitsAt,
  stateOf,
  tickAt,
  whatOf,
  whoOf,
} from './member-entry.js';
import { MemberGroups } from './member-groups.js';
import { MemberPages } from './member-pages.js';
import { PageSlab } from './page-slab.js';
import { PickedPeers } from './picked-peers.js';
import { ProfileTable, type Profile } from './profile-table.js';
import { ReusedAnnounce, type SwarmKey } from './reused-announce.js';
import { StrangerSketch } from './stranger-sketch.js';
import { SwarmLanes } from './swarm-lanes.js';
import { SwarmTable } from './swarm-table.js';

export interface PeerStoreLimits {
  readonly maxSwarms: number;
  /** Records in all swarms together. */
  readonly maxPeers: number;
  /** Different hosts in all swarms together. */
  readonly maxHosts: number;
  /** Strangers with one address in one swarm: nobody fills a swarm from one machine. */
  readonly maxStrangersPerHost: number;
}

export const DEFAULT_PEER_STORE_LIMITS: PeerStoreLimits = {
  maxSwarms: 2_000_000,
  maxPeers: 30_000_000,
  maxHosts: 4_000_000,
  maxStrangersPerHost: 32,
};

/** A swarm that was left by everybody, with its completions, is remembered this long, ms. */
const REMEMBERED_MS = 24 * 3_600_000;
const MOST_REMEMBERED = 100_000;
/** Peers that one announce takes away because their time is over: many may end at once, and none shall wait for it. */
const MOST_SWEPT = 16;

/**
 * All swarms in memory, as numbers: the announce that comes in, the candidates and what goes out are objects
 * that are used again and again. Nothing here takes longer the more peers there are.
 */
export class PackedSwarms {
  /** Of the swarm that was announced in or looked at last. */
  readonly counts = { complete: 0, downloading: 0, paused: 0, origins: 0, completions: 0 };
  peers = 0;

  readonly #limits: PeerStoreLimits;
  readonly #seed: number;
  readonly #slab = new PageSlab();
  readonly #profiles = new ProfileTable();
  readonly #hosts = new HostTable(this.#profiles);
  readonly #groups = new MemberGroups(new MemberPages(this.#slab, this.#hosts));
  readonly #set = new CandidateSet();
  readonly #draw = new CandidateDraw(this.#slab, this.#hosts, this.#groups, this.#set);
  /** What the last announce chose, for those who write bytes. */
  readonly picked = new PickedPeers(this.#set, this.#draw, this.#hosts);
  readonly #swarms: SwarmTable;
  readonly #lanes: SwarmLanes;
  readonly #strangers: StrangerSketch;
  /** Empty swarms that are remembered, and since when, ms; the oldest first. */
  readonly #remembered = new Map<number, number>();
  #swarm = 0;
  #swept = 0;
  #sweepNext = 1;
  #now = 0;
  #tick = 0;

  constructor(
    private readonly random: Random,
    limits: Partial<PeerStoreLimits> = {},
  ) {
    this.#limits = { ...DEFAULT_PEER_STORE_LIMITS, ...limits };
    // Whoever knew the seed could aim at one place of the tables.
    this.#seed = Math.floor(random() * 2 ** 32);
    this.#swarms = new SwarmTable(this.#seed);
    this.#lanes = new SwarmLanes(this.#swarms, this.#groups);
    this.#strangers = new StrangerSketch(this.#seed);
  }

  get liveSwarms(): number {
    return this.#swarms.count - this.#remembered.size;
  }

  newAnnounce(): ReusedAnnounce {
    return new ReusedAnnounce(this.#seed);
  }

  /**
   * Stores or removes one record, and lets `pick` choose from candidates when a sample is asked for: see
   * PeerStore. What was chosen is read before the next call.
   * @returns false when a limit or a better record kept it out
   */
  announce(announce: ReusedAnnounce, now: number, pick: PickPeers | null): boolean {
    this.#at(now);
    this.#set.clear();
    const profile = this.#profiles.of(announce.facts);
    // Held, so that it outlives a host that had it and goes.
    profile.uses++;
    this.#draw.begin(Math.floor(this.random() * 2 ** 32), this.#tick);
    this.#swarm = this.#swarms.find(announce.swarm);
    if (this.#swarm !== 0) this.#sweep(this.#swarm);
    const stored = this.#apply(announce, profile);
    if (this.#swarm !== 0 && announce.sample > 0 && pick) {
      const units = loadUnitsAt(now);
      const first = this.#swarms.firstGroup(this.#swarm);
      this.#draw.draw(first, profile, announce.hashes, announce.sample, units);
      pick(this.#set, this.#swarms.inState(this.#swarm, STATE.complete));
      this.#leaveOut(announce);
    }
    profile.uses--;
    this.#profiles.release(profile);
    this.#count();
    return stored;
  }

  /** Counts of a swarm, in {@link counts}. */
  look(id: SwarmKey, now: number): void {
    this.#at(now);
    this.#swarm = this.#swarms.find(id);
    if (this.#swarm !== 0) this.#sweep(this.#swarm);
    this.#count();
  }

  /** At most `limit` peers of the swarm that was looked at. */
  records(limit: number, now: number): PeerRecord[] {
    const records: PeerRecord[] = [];
    let group = this.#swarm === 0 ? 0 : this.#swarms.firstGroup(this.#swarm);
    for (; group !== 0; group = this.#groups.nextOf(group)) {
      this.#groups.each(group, (who, what) => {
        if (records.length >= limit) return false;
        if (!isOver(endOf(what), this.#tick)) records.push(this.#record(hostOf(who), what, now));
        return true;
      });
    }
    return records;
  }

  /** What was chosen, as records. */
  pickedRecords(now: number): PeerCandidate[] {
    const { chosen, chosenLength, loads } = this.#set;
    return Array.from(chosen.subarray(0, chosenLength), (place) => ({
      ...this.#record(this.#draw.hostAt(place), this.#draw.whatAt(place), now),
      load: loads[place]!,
    }));
  }

  /** Looks at one swarm in turn, so that those nobody announces in do not stay for ever. */
  sweepNext(now: number): void {
    this.#at(now);
    if (this.#sweepNext >= this.#swarms.end) this.#sweepNext = 1;
    else this.#sweep(this.#sweepNext++);
    this.#forgetOldest(now - REMEMBERED_MS);
  }

  #at(now: number): void {
    this.#now = now;
    this.#tick = tickAt(now);
  }

  #apply(announce: ReusedAnnounce, profile: Profile): boolean {
    const { key, stopped } = announce;
    const host = this.#hosts.find(key, profile);
    const lane = laneOf(profile, key.port);
    let group = this.#swarm === 0 ? 0 : this.#lanes.find(this.#swarm, lane, key, host);
    const { foundChunk: chunk, foundAt: at } = this.#groups.pages;
    let what = 0;
    if (group !== 0) {
      what = chunk[at + 1]!;
      const known = hostOf(chunk[at]!);
      if (isOver(endOf(what), this.#tick)) {
        this.#remove(group, announce, known, what);
        group = 0;
        what = 0;
      } else if (this.#hosts.profileOf(known).rank > profile.rank) {
        // Nobody is told of its own address, whoever has that.
        this.#draw.leaveOut(this.#groups.pages.foundAddress, this.#groups.laneOf(group));
        return false;
      }
    }
    if (stopped) {
      if (group !== 0) this.#remove(group, announce, hostOf(chunk[at]!), what);
      return true;
    }
    if (group === 0) return this.#insertNew(announce, profile, host, lane);
    this.#update(group, announce, profile, host, what);
    return true;
  }

  #insertNew(announce: ReusedAnnounce, profile: Profile, host: number, lane: number): boolean {
    if (!this.#hasRoom(announce, profile, host)) return false;
    if (this.#swarm === 0) this.#swarm = this.#newSwarm(announce.swarm);
    if (this.#swarm === 0) return false;
    this.#insert(announce, profile, host, lane, 0);
    return true;
  }

  #insert(
    announce: ReusedAnnounce,
    profile: Profile,
    host: number,
    lane: number,
    what: number,
  ): void {
    const { key } = announce;
    let number = host;
    if (number === 0) number = this.#hosts.add(key, profile);
    else this.#hosts.use(number);
    this.#remembered.delete(this.#swarm);
    const group = this.#lanes.groupOf(this.#swarm, lane, this.#tick);
    const made = this.#whatOf(announce, profile, what);
    this.#groups.insert(group, key.hash, whoOf(number, key.hash), made, this.#tick);
    this.#draw.leaveOut(this.#groups.pages.foundAddress, lane);
    this.#countPeer(this.#swarm, number, made, 1);
  }

  #update(
    group: number,
    announce: ReusedAnnounce,
    profile: Profile,
    host: number,
    before: number,
  ): void {
    const { pages } = this.#groups;
    const { foundChunk: chunk, foundAt: at } = pages;
    const known = hostOf(chunk[at]!);
    const completes = announce.state === STATE.complete && stateOf(before) !== STATE.complete;
    if (completes && profile.kind !== 'origin') this.#swarms.countCompletion(this.#swarm);
    if (known !== host) {
      // Another peer id, caller or label: it may belong to another group. Its load goes with it.
      const lane = laneOf(profile, announce.key.port);
      this.#remove(group, announce, known, before);
      if (this.#swarm === 0) this.#swarm = this.#newSwarm(announce.swarm);
      this.#insert(announce, profile, host, lane, before);
      return;
    }
    const made = this.#whatOf(announce, profile, before);
    if (stateOf(before) !== announce.state && profile.kind !== 'origin') {
      this.#swarms.countState(this.#swarm, stateOf(before), -1);
      this.#swarms.countState(this.#swarm, announce.state, 1);
    }
    chunk[at + 1] = made;
    this.#draw.leaveOut(pages.foundAddress, this.#groups.laneOf(group));
    this.#groups.noteEnd(group, endOf(made), this.#tick);
  }

  /** The second word of an entry; the marks of both hashes and the load of `before` are kept. */
  #whatOf(announce: ReusedAnnounce, profile: Profile, before: number): number {
    const flags =
      announce.hashes |
      (before & (FLAG_V1 | FLAG_V2)) |
      (profile.kind === 'stranger' ? FLAG_STRANGER : 0);
    const end = endTick(announce.expiresAt, this.#now);
    return forgetFaded(whatOf(end, announce.state, flags, before), loadUnitsAt(this.#now));
  }

  /** Removes the peer that was found last. */
  #remove(group: number, { key }: ReusedAnnounce, host: number, what: number): void {
    const left = this.#groups.removeFound(group, key.hash);
    this.#countPeer(this.#swarm, host, what, -1);
    this.#hosts.release(host);
    if (left === 0) this.#dropGroup(this.#swarm, group);
  }

  readonly #onOver = (host: number, what: number): void => {
    this.#countPeer(this.#swept, host, what, -1);
    this.#hosts.release(host);
  };

  #sweep(swarm: number): void {
    this.#swept = swarm;
    let left = MOST_SWEPT;
    let next = 0;
    for (let group = this.#swarms.firstGroup(swarm); group !== 0; group = next) {
      next = this.#groups.nextOf(group);
      left -= this.#groups.sweep(group, this.#tick, left, this.#onOver);
      if (this.#groups.sizeOf(group) === 0) this.#dropGroup(swarm, group);
    }
  }

  #countPeer(swarm: number, host: number, what: number, change: 1 | -1): void {
    const { kind } = this.#hosts.profileOf(host);
    this.peers += change;
    if (kind === 'origin') this.#swarms.countOrigin(swarm, change);
    else this.#swarms.countState(swarm, stateOf(what), change);
    if (kind !== 'stranger') return;
    this.#strangers.add(swarm, this.#hosts.wordsOf(host), this.#hosts.offsetOf(host), change);
  }

  #hasRoom({ key }: ReusedAnnounce, profile: Profile, host: number): boolean {
    const { maxPeers, maxHosts, maxStrangersPerHost } = this.#limits;
    if (this.peers >= maxPeers) return false;
    if (host === 0 && this.#hosts.count >= Math.min(maxHosts, MAX_HOSTS)) return false;
    if (profile.kind !== 'stranger' || this.#swarm === 0) return true;
    return this.#strangers.count(this.#swarm, key.address, 0) < maxStrangersPerHost;
  }

  #newSwarm(id: SwarmKey): number {
    if (this.#swarms.count >= this.#limits.maxSwarms) this.#forgetOldest(Infinity);
    return this.#swarms.count < this.#limits.maxSwarms ? this.#swarms.add(id) : 0;
  }

  #dropGroup(swarm: number, group: number): void {
    if (this.#lanes.drop(swarm, group)) this.#dropSwarm(swarm);
  }

  #dropSwarm(swarm: number): void {
    if (this.#swarms.completions(swarm) > 0) {
      this.#remembered.set(swarm, this.#now);
      if (this.#remembered.size > MOST_REMEMBERED) this.#forgetOldest(Infinity);
      return;
    }
    this.#swarms.remove(swarm);
    if (this.#swarm === swarm) this.#swarm = 0;
  }

  /** Forgets the empty swarm that is so the longest, when it is since `before`, ms. */
  #forgetOldest(before: number): void {
    const oldest = this.#remembered.entries().next();
    if (oldest.done || oldest.value[1] > before) return;
    const [swarm] = oldest.value;
    this.#remembered.delete(swarm);
    this.#swarms.remove(swarm);
    if (this.#swarm === swarm) this.#swarm = 0;
  }

  /** Of what was chosen, leaves out the client itself at another address, and adds to the loads. */
  #leaveOut({ key }: ReusedAnnounce): void {
    const { chosen, chosenLength } = this.#set;
    const mark = markOfClient(key.peerId);
    let kept = 0;
    for (let nth = 0; nth < chosenLength; nth++) {
      const place = chosen[nth]!;
      if (this.#hosts.isClient(this.#draw.hostAt(place), key.peerId, mark)) continue;
      this.#draw.handOut(place);
      chosen[kept++] = place;
    }
    this.#set.chosenLength = kept;
  }

  #count(): void {
    const { counts } = this;
    const swarm = this.#swarm;
    counts.complete = swarm === 0 ? 0 : this.#swarms.inState(swarm, STATE.complete);
    counts.downloading = swarm === 0 ? 0 : this.#swarms.inState(swarm, STATE.downloading);
    counts.paused = swarm === 0 ? 0 : this.#swarms.inState(swarm, STATE.paused);
    counts.origins = swarm === 0 ? 0 : this.#swarms.origins(swarm);
    counts.completions = swarm === 0 ? 0 : this.#swarms.completions(swarm);
  }

  #record(host: number, what: number, now: number): PeerRecord {
    const { kind, caller, zone, rack } = this.#hosts.profileOf(host);
    const { address, port, peerId } = this.#hosts.textOf(host);
    return {
      host: address,
      port,
      peerId,
      kind,
      state: STATES[stateOf(what)]!,
      caller,
      zone,
      rack,
      v1: (what & FLAG_V1) !== 0,
      v2: (what & FLAG_V2) !== 0,
      expiresAt: expiryOf(what, now),
    };
  }
}
