import type { LedgerRecord, SavingsLine } from '#lib/contracts';

import {
  dayOf,
  emptyDay,
  slotOf,
  slotTime,
  type LedgerDayDocument,
} from './ledger-day.document.js';
import {
  NO_SEQUENCES,
  hasSequence,
  mergeSequences,
  withSequence,
  type SequenceSet,
} from './sequence.set.js';

/** Why payload bytes left the origin. Seeding reasons are the engine's; `web-seed` is the HTTP floor. */
export const ORIGIN_REASONS = ['first', 'rare', 'stall', 'stranger', 'peer', 'web-seed'] as const;

type StageSums = LedgerDayDocument['stages'][string];
type SeriesSums = LedgerDayDocument['series'][string];

/** The account of one artifact. */
export interface ArtifactAccount {
  readonly artifact: string;
  /** Completed stages. */
  readonly stages: number;
  readonly line: SavingsLine;
  readonly originByReason: Readonly<Record<string, number>>;
}

export interface SeriesPoint extends Readonly<SeriesSums> {
  readonly at: number;
}

/**
 * The account of bytes, pure. Two sources that never overlap: what the origin sent, which the origin
 * alone counts, and what stages received, which their machines report. A record is counted once,
 * whatever the number and the order of the reports that bring it.
 *
 * Counting goes into the day's document of this run of this replica, and into the sums over all
 * documents that were ever loaded.
 */
export class LedgerAccount {
  readonly #origin = new Map<string, Map<string, number>>();
  readonly #stages = new Map<string, StageSums>();
  readonly #seen = new Map<string, SequenceSet>();
  readonly #series = new Map<number, SeriesSums>();
  readonly #days = new Map<string, LedgerDayDocument>();

  /** @param replica names this run of this replica: no two runs may write the same document. */
  constructor(readonly replica: string) {}

  /**
   * Adds a document that another run wrote. Every document is to be loaded exactly once.
   * @param withSessions whether its records may still come again; of old days they do not, and what
   *   was seen of all sessions ever would grow without end.
   */
  load(document: LedgerDayDocument, withSessions = true): void {
    for (const [artifact, reasons] of Object.entries(document.origin)) {
      for (const [reason, bytes] of Object.entries(reasons)) {
        this.#addOrigin(artifact, reason, bytes);
      }
    }
    for (const [artifact, sums] of Object.entries(document.stages)) {
      addStages(this.#stagesOf(artifact), sums);
    }
    for (const [key, highest] of withSessions ? Object.entries(document.seen) : []) {
      const loaded = { highest, gaps: document.gaps[key] ?? [] };
      this.#seen.set(key, mergeSequences(this.#seen.get(key) ?? NO_SEQUENCES, loaded));
    }
    for (const [slot, sums] of Object.entries(document.series)) {
      addSeries(this.#seriesAt(slotTime(document.day, slot)), sums);
    }
  }

  /** Counts payload bytes that the origin sent, useful or not. */
  countOrigin(artifact: string, reason: string, bytes: number, nowMs: number): void {
    if (bytes <= 0) return;
    const day = this.#dayAt(nowMs);
    const reasons = (day.origin[artifact] ??= {});
    reasons[reason] = (reasons[reason] ?? 0) + bytes;
    this.#addOrigin(artifact, reason, bytes);
    this.#addToSeries(day, nowMs, { delivered: 0, origin: bytes, peers: 0, reused: 0 });
  }

  /**
   * Counts a stage, unless it was counted before. Only a completed stage delivers; of a failed one
   * what it received in vain is kept.
   * @returns false for a record that was counted before.
   */
  countStage(reporter: string, record: LedgerRecord, nowMs: number): boolean {
    const key = `${reporter}/${record.session}`;
    const seen = this.#seen.get(key) ?? NO_SEQUENCES;
    if (hasSequence(seen, record.sequence)) return false;
    const day = this.#dayAt(nowMs);
    const now = withSequence(seen, record.sequence);
    this.#seen.set(key, now);
    day.seen[key] = now.highest;
    if (now.gaps.length > 0) day.gaps[key] = [...now.gaps];
    else delete day.gaps[key];

    const sums = sumsOf(record);
    addStages((day.stages[record.artifact] ??= noStages()), sums);
    addStages(this.#stagesOf(record.artifact), sums);
    this.#addToSeries(day, nowMs, {
      delivered: sums.delivered,
      origin: 0,
      peers: sums.fromPeers,
      reused: sums.reused,
    });
    return true;
  }

  /** The highest sequence of the session that was counted; 0 before the first. */
  acknowledged(reporter: string, session: string): number {
    return this.#seen.get(`${reporter}/${session}`)?.highest ?? 0;
  }

  total(): SavingsLine & { readonly originByReason: Record<string, number> } {
    const sums = noStages();
    for (const stages of this.#stages.values()) addStages(sums, stages);
    const originByReason: Record<string, number> = {};
    for (const reason of ORIGIN_REASONS) originByReason[reason] = 0;
    for (const reasons of this.#origin.values()) {
      for (const [reason, bytes] of reasons) {
        originByReason[reason] = (originByReason[reason] ?? 0) + bytes;
      }
    }
    return { ...lineOf(sums, sumOf(originByReason)), originByReason };
  }

  artifact(artifact: string): ArtifactAccount {
    const sums = this.#stages.get(artifact) ?? noStages();
    const originByReason = Object.fromEntries(this.#origin.get(artifact) ?? []);
    return {
      artifact,
      stages: sums.stages,
      line: lineOf(sums, sumOf(originByReason)),
      originByReason,
    };
  }

  /** Every artifact that anything was counted for. */
  artifacts(): string[] {
    return [...new Set([...this.#stages.keys(), ...this.#origin.keys()])].sort();
  }

  /** Sums of five minutes each since `fromMs`, oldest first; steps without traffic are left out. */
  series(fromMs: number): SeriesPoint[] {
    return [...this.#series]
      .filter(([at]) => at >= fromMs)
      .sort(([a], [b]) => a - b)
      .map(([at, sums]) => ({ at, ...sums }));
  }

  /** What this run counted on a day, to be written; undefined when it counted nothing. */
  document(day: string): LedgerDayDocument | undefined {
    return this.#days.get(day);
  }

  /** Lets go of the document of a day that is over and written. */
  forgetDocument(day: string): void {
    this.#days.delete(day);
  }

  #dayAt(nowMs: number): LedgerDayDocument {
    const name = dayOf(nowMs);
    const known = this.#days.get(name);
    if (known) return known;
    const fresh = emptyDay(name, this.replica);
    this.#days.set(name, fresh);
    return fresh;
  }

  #addOrigin(artifact: string, reason: string, bytes: number): void {
    let reasons = this.#origin.get(artifact);
    if (!reasons) this.#origin.set(artifact, (reasons = new Map()));
    reasons.set(reason, (reasons.get(reason) ?? 0) + bytes);
  }

  #stagesOf(artifact: string): StageSums {
    let sums = this.#stages.get(artifact);
    if (!sums) this.#stages.set(artifact, (sums = noStages()));
    return sums;
  }

  #seriesAt(atMs: number): SeriesSums {
    let sums = this.#series.get(atMs);
    if (!sums) this.#series.set(atMs, (sums = noSeries()));
    return sums;
  }

  #addToSeries(day: LedgerDayDocument, nowMs: number, sums: SeriesSums): void {
    const slot = slotOf(nowMs);
    addSeries((day.series[slot] ??= noSeries()), sums);
    addSeries(this.#seriesAt(slotTime(day.day, slot)), sums);
  }
}

function sumsOf(record: LedgerRecord): StageSums {
  if (!record.completed) return { ...noStages(), wasted: record.wasted };
  const { delivered, fromOrigin, fromPeers, reused, wasted } = record;
  return { stages: 1, delivered, fromOrigin, fromPeers, reused, wasted };
}

/** The headline of DESIGN §10: every byte the origin sent counts against it, useful or not. */
function lineOf(sums: StageSums, origin: number): SavingsLine {
  const { delivered, fromOrigin, fromPeers, reused, wasted } = sums;
  return {
    delivered,
    origin,
    peers: fromPeers,
    reused,
    wasted,
    residual: delivered - fromOrigin - fromPeers - reused,
    ratio: delivered > 0 ? Math.max(0, 1 - origin / delivered) : 0,
  };
}

function noStages(): StageSums {
  return { stages: 0, delivered: 0, fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 0 };
}

function noSeries(): SeriesSums {
  return { delivered: 0, origin: 0, peers: 0, reused: 0 };
}

function addStages(to: StageSums, sums: StageSums): void {
  to.stages += sums.stages;
  to.delivered += sums.delivered;
  to.fromOrigin += sums.fromOrigin;
  to.fromPeers += sums.fromPeers;
  to.reused += sums.reused;
  to.wasted += sums.wasted;
}

function addSeries(to: SeriesSums, sums: SeriesSums): void {
  to.delivered += sums.delivered;
  to.origin += sums.origin;
  to.peers += sums.peers;
  to.reused += sums.reused;
}

function sumOf(bytes: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const each of Object.values(bytes)) sum += each;
  return sum;
}
