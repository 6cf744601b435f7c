import type { IndexedList } from './indexed-list.js';
import { LOAD_HALF_LIFE_MS, type PeerRecord } from './peer-store.js';

/** A record in the lists of its swarm. */
export interface Entry {
  readonly record: PeerRecord;
  readonly key: string;
  /** Place in the list of all. */
  at: number;
  /** The list of its zone, null for a peer without one, and its place there. */
  readonly zone: IndexedList<Entry> | null;
  zoneAt: number;
  load: number;
  loadAt: number;
  /** Number of the last draw that took it: cheaper than a set of what was taken. */
  draw: number;
}

/** The load of a peer now: see LOAD_HALF_LIFE_MS. */
export function loadOf(entry: Entry, now: number): number {
  return entry.load * 2 ** (Math.min(0, entry.loadAt - now) / LOAD_HALF_LIFE_MS);
}

/** One draw of candidates: takes each usable entry once, and never the peer that asks. */
export class CandidateDraw {
  readonly entries: Entry[] = [];

  /** @param number differs from that of every other draw from the same entries. */
  constructor(
    private readonly own: Entry | undefined,
    private readonly now: number,
    private readonly number: number,
  ) {}

  take(entry: Entry): boolean {
    return entry.record.kind !== 'origin' && this.#takeAny(entry);
  }

  takeOrigin(entry: Entry): boolean {
    return this.#takeAny(entry);
  }

  #takeAny(entry: Entry): boolean {
    const { expiresAt, port } = entry.record;
    if (entry.draw === this.number || entry === this.own) return false;
    if (expiresAt <= this.now || port === 0) return false;
    entry.draw = this.number;
    this.entries.push(entry);
    return true;
  }
}
