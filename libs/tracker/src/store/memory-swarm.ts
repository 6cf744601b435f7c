import { shuffle, type Random } from '#lib/runtime';

import { CandidateDraw, loadOf, type Entry } from './candidate-draw.js';
import { IndexedList } from './indexed-list.js';
import {
  MAX_ORIGINS,
  type PeerCandidate,
  type PeerRecord,
  type SwarmCounts,
} from './peer-store.js';

/** Records looked through by one purge; what is left waits for the next call. */
const PURGE_RECORDS = 1024;
/** Zones that are looked through one by one for neighbours outside of the own. */
const MOST_ZONES = 32;

/** The peers of one swarm, in memory. Every operation is bounded, whatever the swarm's size. */
export class MemorySwarm {
  readonly #byKey = new Map<string, Entry>();
  readonly #all = list((entry) => entry.at, setPlace);
  readonly #zones = new Map<string, IndexedList<Entry>>();
  readonly #origins = new Set<Entry>();
  /** How many strangers each address has, if any. */
  readonly #strangers = new Map<string, number>();
  readonly #counts = { complete: 0, downloading: 0, paused: 0 };
  #completions = 0;
  #draws = 0;
  #drawn: readonly Entry[] = [];
  #candidates: readonly PeerCandidate[] = [];
  /** No record expires before this; it may be too early, never too late. */
  #nextExpiry = Infinity;
  #purgeAt = 0;
  #purgeSeen = Infinity;

  get size(): number {
    return this.#byKey.size;
  }

  counts(): SwarmCounts {
    return { ...this.#counts, origins: this.#origins.size, completions: this.#completions };
  }

  strangersAt(host: string): number {
    return this.#strangers.get(host) ?? 0;
  }

  has(record: PeerRecord): boolean {
    return this.#byKey.has(keyOf(record));
  }

  /** False when somebody wants to take the place of a peer that proved more. */
  mayReplace(record: PeerRecord, now: number): boolean {
    const known = this.#byKey.get(keyOf(record));
    return !known || known.record.expiresAt <= now || rankOf(record) >= rankOf(known.record);
  }

  put(record: PeerRecord, now: number): void {
    const key = keyOf(record);
    const known = this.#byKey.get(key);
    const completes = known?.record.state !== 'complete' && record.state === 'complete';
    if (known && completes && record.kind !== 'origin') this.#completions++;
    if (known) this.#unlink(known);
    const merged = known
      ? { ...record, v1: record.v1 || known.record.v1, v2: record.v2 || known.record.v2 }
      : record;
    const load = known ? loadOf(known, now) : 0;
    const zone = record.zone === '' ? null : this.#zoneOf(record.zone);
    const entry = { record: merged, key, at: 0, zone, zoneAt: 0, load, loadAt: now, draw: 0 };
    this.#link(entry);
    this.#nextExpiry = Math.min(this.#nextExpiry, record.expiresAt);
    // A purge under way may have passed this place already.
    this.#purgeSeen = Math.min(this.#purgeSeen, record.expiresAt);
  }

  /** @returns false when there was no such record. */
  remove(record: PeerRecord): boolean {
    const entry = this.#byKey.get(keyOf(record));
    if (entry) this.#unlink(entry);
    return entry !== undefined;
  }

  /** Drops expired records, looking at no more than a thousand. @returns how many went. */
  purge(now: number, most = PURGE_RECORDS): number {
    let removed = 0;
    let budget = most;
    while (this.#nextExpiry <= now && budget-- > 0) {
      const entry = this.#all.at(this.#purgeAt);
      if (!entry) {
        // One round is done: everything that is left was seen, or put, since it began.
        this.#nextExpiry = this.#purgeSeen;
        this.#purgeSeen = Infinity;
        this.#purgeAt = 0;
        if (this.#all.length === 0 || this.#nextExpiry > now) break;
      } else if (entry.record.expiresAt <= now) {
        this.#unlink(entry);
        removed++;
      } else {
        this.#purgeSeen = Math.min(this.#purgeSeen, entry.record.expiresAt);
        this.#purgeAt++;
      }
    }
    return removed;
  }

  /** Candidates for a peer: see PeerStore. The next call makes {@link handedOut} forget them. */
  candidates(self: PeerRecord, sample: number, now: number, random: Random): PeerCandidate[] {
    const own = this.#byKey.get(keyOf(self));
    const draw = new CandidateDraw(own, now, ++this.#draws);
    const near = this.#zones.get(self.zone);
    if (near) {
      near.sample(Math.floor(sample / 2), random, (entry) => draw.take(entry));
      this.#drawElsewhere(near, Math.ceil(sample / 2), random, draw);
    }
    this.#all.sample(sample - draw.entries.length, random, (entry) => draw.take(entry));
    let origins = 0;
    for (const entry of this.#origins) {
      if (origins === MAX_ORIGINS) break;
      if (draw.takeOrigin(entry)) origins++;
    }
    this.#drawn = draw.entries;
    const candidates = draw.entries.map((entry) => ({ ...entry.record, load: loadOf(entry, now) }));
    this.#candidates = candidates;
    return candidates;
  }

  /** Adds one hand-out to the load of each; `picked` are of the last candidates. */
  handedOut(picked: readonly PeerCandidate[], now: number): void {
    const chosen = new Set(picked);
    this.#candidates.forEach((candidate, at) => {
      const entry = this.#drawn[at]!;
      if (!chosen.has(candidate)) return;
      entry.load = loadOf(entry, now) + 1;
      entry.loadAt = now;
    });
    this.#candidates = [];
    this.#drawn = [];
  }

  /**
   * Peers outside of a zone: drawn from all, and when that zone is so large that few were met, from
   * the other zones in turn.
   */
  #drawElsewhere(
    zone: IndexedList<Entry>,
    count: number,
    random: Random,
    draw: CandidateDraw,
  ): void {
    let missing = count;
    const takeElsewhere = (entry: Entry) => {
      const taken = entry.zone !== zone && draw.take(entry);
      if (taken) missing--;
      return taken;
    };
    this.#all.sample(count, random, takeElsewhere);
    if (missing === 0) return;
    for (const other of shuffle(this.#someZones(), random)) {
      if (missing > 0 && other !== zone) other.sample(missing, random, takeElsewhere);
    }
  }

  #someZones(): IndexedList<Entry>[] {
    const some: IndexedList<Entry>[] = [];
    for (const zone of this.#zones.values()) {
      if (some.push(zone) > MOST_ZONES) break;
    }
    return some;
  }

  live(limit: number, now: number): PeerRecord[] {
    const records: PeerRecord[] = [];
    for (const { record } of this.#byKey.values()) {
      if (records.length >= limit) break;
      if (record.expiresAt > now) records.push(record);
    }
    return records;
  }

  #link(entry: Entry): void {
    const { record } = entry;
    this.#byKey.set(entry.key, entry);
    this.#all.add(entry);
    entry.zone?.add(entry);
    if (record.kind === 'origin') this.#origins.add(entry);
    else this.#counts[record.state]++;
    if (record.kind === 'stranger') this.#countStranger(record.host, 1);
  }

  #unlink(entry: Entry): void {
    const { record } = entry;
    // The last record moves into this place; a purge that is past it would not see it any more.
    const moved = this.#all.at(this.#all.length - 1)!;
    if (entry.at < this.#purgeAt) {
      this.#purgeSeen = Math.min(this.#purgeSeen, moved.record.expiresAt);
    }
    this.#byKey.delete(entry.key);
    this.#all.remove(entry);
    entry.zone?.remove(entry);
    if (entry.zone?.length === 0) this.#zones.delete(record.zone);
    if (!this.#origins.delete(entry)) this.#counts[record.state]--;
    if (record.kind === 'stranger') this.#countStranger(record.host, -1);
  }

  #countStranger(host: string, change: 1 | -1): void {
    const count = this.strangersAt(host) + change;
    if (count > 0) this.#strangers.set(host, count);
    else this.#strangers.delete(host);
  }

  #zoneOf(zone: string): IndexedList<Entry> {
    let entries = this.#zones.get(zone);
    if (!entries) {
      entries = list((entry) => entry.zoneAt, setZonePlace);
      this.#zones.set(zone, entries);
    }
    return entries;
  }
}

function list(placeOf: (entry: Entry) => number, place: (entry: Entry, at: number) => void) {
  return new IndexedList<Entry>(placeOf, place);
}

function setPlace(entry: Entry, at: number): void {
  entry.at = at;
}

function setZonePlace(entry: Entry, at: number): void {
  entry.zoneAt = at;
}

function keyOf({ host, port, peerId }: PeerRecord): string {
  return port === 0 ? `${host}/${peerId.toString('latin1')}` : `${host}:${port}`;
}

function rankOf({ kind, caller }: PeerRecord): number {
  if (kind !== 'stranger') return 2;
  return caller === '' ? 0 : 1;
}
