import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { LedgerRecord } from '#lib/contracts';

import { LedgerAccount } from './ledger.account.js';
import { mergeSequences, withSequence, NO_SEQUENCES, hasSequence } from './sequence.set.js';

const NOON = Date.UTC(2026, 10, 22, 12, 1);
const ARTIFACT = 'a'.repeat(64);

function record(sequence: number, over: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    session: 'session-1',
    sequence,
    at: NOON,
    artifact: ARTIFACT,
    app: 'web',
    version: '1',
    completed: true,
    delivered: 1000,
    fromOrigin: 100,
    fromPeers: 700,
    reused: 190,
    wasted: 5,
    seconds: 1,
    ...over,
  };
}

/** One reporter's records, with distinct sequences, as reports that repeat and overtake each other. */
const reports = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 })
  .chain((sequences) =>
    fc.record({
      sequences: fc.constant(sequences),
      sent: fc
        .array(fc.subarray(sequences), { maxLength: 12 })
        .map((batches) => [...batches, sequences].flat())
        .chain((all) => fc.shuffledSubarray(all, { minLength: all.length })),
    }),
  );

describe('LedgerAccount', () => {
  it('gives the line of one stage and all bytes the origin sent', () => {
    const account = new LedgerAccount('r');
    account.countStage('t', record(1), NOON);
    account.countOrigin(ARTIFACT, 'first', 150, NOON);
    account.countOrigin(ARTIFACT, 'web-seed', 50, NOON);
    expect(account.total()).toEqual({
      delivered: 1000,
      origin: 200,
      peers: 700,
      reused: 190,
      wasted: 5,
      residual: 10,
      ratio: 0.8,
      originByReason: { first: 150, rare: 0, stall: 0, stranger: 0, peer: 0, 'web-seed': 50 },
    });
  });

  it('never shows savings below nothing', () => {
    const account = new LedgerAccount('r');
    account.countOrigin(ARTIFACT, 'stall', 5000, NOON);
    expect(account.total().ratio).toBe(0);
    account.countStage('t', record(1), NOON);
    expect(account.total().ratio).toBe(0);
  });

  it('counts of a failed stage only what it received in vain', () => {
    const account = new LedgerAccount('r');
    account.countStage('t', record(1, { completed: false }), NOON);
    expect(account.artifact(ARTIFACT)).toMatchObject({
      stages: 0,
      line: { delivered: 0, peers: 0, reused: 0, wasted: 5, residual: 0 },
    });
  });

  it('counts each record once, whatever the number and order of reports', () => {
    fc.assert(
      fc.property(reports, ({ sequences, sent }) => {
        const ordered = new LedgerAccount('r');
        for (const each of sequences) ordered.countStage('t', sized(each), NOON);
        const account = new LedgerAccount('r');
        for (const each of sent) account.countStage('t', sized(each), NOON);
        expect(account.total()).toEqual(ordered.total());
        expect(account.series(0)).toEqual(ordered.series(0));
        expect(account.acknowledged('t', 'session-1')).toBe(Math.max(...sequences));
      }),
    );
  });

  it('goes on counting each record once after documents were loaded again', () => {
    fc.assert(
      fc.property(reports, fc.nat(20), ({ sequences, sent }, cut) => {
        const first = new LedgerAccount('run-1');
        for (const each of sent.slice(0, cut)) first.countStage('t', sized(each), NOON);
        const second = new LedgerAccount('run-2');
        const written = first.document('2026-11-22');
        if (written) second.load(structuredClone(written));
        for (const each of sent) second.countStage('t', sized(each), NOON);
        const sum = sequences.reduce((total, each) => total + each, 0);
        expect(second.total().delivered).toBe(sum);
      }),
    );
  });

  it('has the same sums at all replicas, however reports and documents travel between them', () => {
    const send = fc.record({
      kind: fc.constant('send'),
      to: fc.nat(2),
      sequence: fc.integer({ min: 1, max: 12 }),
    });
    const read = fc.record({ kind: fc.constant('read'), to: fc.nat(2), from: fc.nat(2) });
    const gave = fc.record({ kind: fc.constant('gave'), to: fc.nat(2), bytes: fc.nat(99) });
    fc.assert(
      fc.property(fc.array(fc.oneof(send, read, gave), { maxLength: 60 }), (steps) => {
        const replicas = [0, 1, 2].map((nth) => new LedgerAccount(`run-${nth}`, true));
        const look = (to: number, from: number) => {
          const written = to === from ? undefined : replicas[from]!.document('2026-11-22');
          if (written) replicas[to]!.load(structuredClone(written));
        };
        const sent = new Set<number>();
        let given = 0;
        for (const step of steps) {
          if ('sequence' in step) {
            replicas[step.to]!.countStage('t', sized(step.sequence), NOON);
            sent.add(step.sequence);
          } else if ('bytes' in step) {
            replicas[step.to]!.countOrigin(ARTIFACT, 'first', step.bytes, NOON);
            given += step.bytes;
          } else look(step.to, step.from);
        }
        for (const to of [0, 1, 2]) for (const from of [0, 1, 2]) look(to, from);
        const sum = [...sent].reduce((total, each) => total + each, 0);
        for (const replica of replicas) {
          expect(replica.total()).toMatchObject({ delivered: sum, peers: sum, origin: given });
          expect(replica.artifact(ARTIFACT).stages).toBe(sent.size);
          const delivered = replica.series(0).map((point) => point.delivered);
          expect(delivered.reduce((total, each) => total + each, 0)).toBe(sum);
        }
        const later = new LedgerAccount('later', true);
        for (const replica of replicas) {
          const written = replica.document('2026-11-22');
          if (written) later.load(written);
        }
        expect(later.total()).toEqual(replicas[0]!.total());
      }),
    );
  });

  it('keeps reporters and sessions apart', () => {
    const account = new LedgerAccount('r');
    account.countStage('t1', record(1), NOON);
    account.countStage('t2', record(1), NOON);
    account.countStage('t2', record(1, { session: 'session-2' }), NOON);
    expect(account.artifact(ARTIFACT).stages).toBe(3);
  });

  it('sums the series per five minutes over midnight', () => {
    const account = new LedgerAccount('r');
    const midnight = Date.UTC(2026, 10, 23);
    account.countOrigin(ARTIFACT, 'first', 1, midnight - 1);
    account.countOrigin(ARTIFACT, 'first', 2, midnight);
    account.countOrigin(ARTIFACT, 'first', 4, midnight + 299_999);
    expect(account.series(0).map(({ at, origin }) => [at - midnight, origin])).toEqual([
      [-300_000, 1],
      [0, 6],
    ]);
    expect(account.document('2026-11-22')?.origin[ARTIFACT]).toEqual({ first: 1 });
    expect(account.document('2026-11-23')?.origin[ARTIFACT]).toEqual({ first: 6 });
  });
});

describe('mergeSequences', () => {
  it('holds exactly what either set holds', () => {
    const sequences = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 });
    fc.assert(
      fc.property(sequences, sequences, (a, b) => {
        const merged = mergeSequences(
          a.reduce(withSequence, NO_SEQUENCES),
          b.reduce(withSequence, NO_SEQUENCES),
        );
        for (let each = 1; each <= 40; each++) {
          expect(hasSequence(merged, each)).toBe(a.includes(each) || b.includes(each));
        }
      }),
    );
  });
});

function sized(sequence: number): LedgerRecord {
  return record(sequence, { delivered: sequence, fromOrigin: 0, fromPeers: sequence, reused: 0 });
}
