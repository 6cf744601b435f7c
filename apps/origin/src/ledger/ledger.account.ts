import type { LedgerRecord, SavingsLine, StageSums } from '#lib/contracts';

import { growthOf } from './day.growth.js';
import {
  dayOf,
  emptyDay,
  slotOf,
  slotTime,
  type LedgerDayDocument,
  type RecordedStage,
} from './ledger-day.document.js';
import {
  addSeries,
  addStages,
  lineOf,
  noSeries,
  noStages,
  seriesOf,
  sumOf,
  sumsOf,
  type SeriesSums,
} from './ledger.sums.js';
import {
  NO_SEQUENCES,
  hasSequence,
  mergeSequences,
  withSequence,
  type SequenceSet,
} from './sequence.set.js';

/** Why payload bytes left the origin. Seeding reasons are the engine's; `web-seed` is the HTTP floor. */
export const ORIGIN_REASONS = ['first', 'rare', 'stall', 'stranger', 'peer', 'web-seed'] as const;

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
  /** The last day on which something of a session was seen. */
  readonly #seenOn = new Map<string, string>();
  /** Documents of others that may grow, as they were loaded last, by their names. */
  readonly #growing = new Map<string, LedgerDayDocument>();
  /** How many documents of a day were let go of. */
  readonly #parts = new Map<string, number>();

  /**
   * @param replica names this run of this replica: no two runs may write the same document.
   * @param isShared whether a record may be sent to another replica too, before this one has told it
   *   of the first: each is kept by itself then, as sums could not be told apart any more.
   */
  constructor(
    readonly replica: string,
    private readonly isShared = false,
  ) {}

  /** Adds a document that another run wrote, or what has come to it since it was loaded before. */
  load(document: LedgerDayDocument): void {
    const name = `${document.day}/${document.replica}`;
    this.#add(growthOf(document, this.#growing.get(name)));
    if (document.sealed) this.#growing.delete(name);
    else this.#growing.set(name, document);
  }

  /**
   * What was seen of all sessions ever would grow without end.
   * @param sessions records of sessions that were seen last before this day do not come again
   * @param documents those of days before this one do not grow, and are not loaded again
   */
  forgetBefore(sessions: string, documents: string): void {
    for (const [key, day] of this.#seenOn) {
      if (day >= sessions) continue;
      this.#seenOn.delete(key);
      this.#seen.delete(key);
    }
    for (const [name, { day }] of this.#growing) if (day < documents) this.#growing.delete(name);
  }

  #add(document: LedgerDayDocument): void {
    for (const [artifact, reasons] of Object.entries(document.origin)) {
      for (const [reason, bytes] of Object.entries(reasons)) {
        this.#addOrigin(artifact, reason, bytes);
      }
    }
    for (const [artifact, sums] of Object.entries(document.stages)) {
      addStages(this.#stagesOf(artifact), sums);
    }
    for (const [key, highest] of Object.entries(document.seen)) {
      const loaded = { highest, gaps: document.gaps[key] ?? [] };
      this.#saw(key, mergeSequences(this.#seen.get(key) ?? NO_SEQUENCES, loaded), document.day);
    }
    for (const [key, stages] of Object.entries(document.records)) {
      for (const [sequence, stage] of Object.entries(stages)) {
        this.#addRecorded(key, Number(sequence), stage, document.day);
      }
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
    const sums = sumsOf(record);
    const slot = slotOf(nowMs);
    if (this.isShared) {
      const stage: RecordedStage = [record.artifact, slot, sums];
      (day.records[key] ??= {})[record.sequence] = stage;
      this.#addRecorded(key, record.sequence, stage, day.day);
      return true;
    }
    const now = withSequence(seen, record.sequence);
    this.#saw(key, now, day.day);
    day.seen[key] = now.highest;
    if (now.gaps.length > 0) day.gaps[key] = [...now.gaps];
    else delete day.gaps[key];
    addStages((day.stages[record.artifact] ??= noStages()), sums);
    addStages(this.#stagesOf(record.artifact), sums);
    this.#addToSeries(day, nowMs, seriesOf(sums));
    return true;
  }

  /** How many stages of a day are kept by themselves in the document of this run. */
  recordCount(day: string): number {
    const records = this.#days.get(day)?.records ?? {};
    return Object.values(records).reduce((sum, each) => sum + Object.keys(each).length, 0);
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

  /** Lets go of the document of a day that is over and written, or full: what comes after goes into another. */
  forgetDocument(day: string): void {
    this.#parts.set(day, (this.#parts.get(day) ?? 0) + 1);
    this.#days.delete(day);
  }

  #dayAt(nowMs: number): LedgerDayDocument {
    const name = dayOf(nowMs);
    const known = this.#days.get(name);
    if (known) return known;
    // A day that was let go of goes on in another document.
    const part = this.#parts.get(name) ?? 0;
    const fresh = emptyDay(name, part === 0 ? this.replica : `${this.replica}-${part}`);
    this.#days.set(name, fresh);
    return fresh;
  }

  /** A stage that is in a document, of ours or of another run: it is in the sums once. */
  #addRecorded(key: string, sequence: number, stage: RecordedStage, day: string): void {
    const seen = this.#seen.get(key) ?? NO_SEQUENCES;
    if (hasSequence(seen, sequence)) return;
    const [artifact, slot, sums] = stage;
    this.#saw(key, withSequence(seen, sequence), day);
    addStages(this.#stagesOf(artifact), sums);
    addSeries(this.#seriesAt(slotTime(day, slot)), seriesOf(sums));
  }

  #saw(key: string, sequences: SequenceSet, day: string): void {
    this.#seen.set(key, sequences);
    const last = this.#seenOn.get(key);
    if (last === undefined || last < day) this.#seenOn.set(key, day);
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
