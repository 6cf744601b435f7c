import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DesiredApp } from '#lib/contracts';

import type { InstalledRelease } from '../journal/app-state.js';
import { nextStep, releasesToRemove } from './next-step.js';

function installed(version: string, stagedAt = 0): InstalledRelease {
  return {
    version,
    artifact: version.repeat(64).slice(0, 64),
    folder: version,
    bytes: 1,
    stagedAt,
  };
}

function desired(version: string | null, sequence = 5, activate = true): DesiredApp {
  const artifact = (version ?? '0').repeat(64).slice(0, 64);
  const summary = {
    artifact,
    infoHashV1: null,
    infoHashV2: artifact,
    name: 'web',
    single: false,
    bytes: 1,
    files: 1,
    pieces: 1,
    pieceLength: 65_536,
  };
  const release = version === null ? null : { version, artifact: summary };
  return { app: 'web', channel: 'stable', sequence, release, activate };
}

describe('nextStep', () => {
  it('stages what is wanted and lacking', () => {
    expect(nextStep({ sequence: 0, releases: [] }, null, desired('1'))).toEqual({
      kind: 'stage',
      version: '1',
      artifact: '1'.repeat(64),
    });
  });

  it('activates what is staged', () => {
    const release = installed('1');
    expect(nextStep({ sequence: 0, releases: [release] }, null, desired('1'))).toEqual({
      kind: 'activate',
      release,
    });
  });

  it('stages without activating when told to hold', () => {
    const state = { sequence: 0, releases: [installed('1')] };
    expect(nextStep(state, null, desired('1', 5, false))).toEqual({ kind: 'rest' });
  });

  it('goes back to an installed release without staging', () => {
    const [one, two] = [installed('1'), installed('2')];
    const state = { sequence: 2, releases: [one, two] };
    expect(nextStep(state, two, desired('1', 3))).toEqual({ kind: 'activate', release: one });
  });

  it('rests when the wanted release is current, when nothing is wanted, and when told old news', () => {
    const one = installed('1');
    const state = { sequence: 4, releases: [one] };
    expect(nextStep(state, one, desired('1'))).toEqual({ kind: 'rest' });
    expect(nextStep(state, one, null)).toEqual({ kind: 'rest' });
    expect(nextStep(state, one, desired(null))).toEqual({ kind: 'rest' });
    expect(nextStep(state, one, desired('2', 3))).toEqual({ kind: 'rest' });
  });
});

describe('releasesToRemove', () => {
  it('never names a protected release and always leaves the newest', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (times, guarded, keep) => {
          const releases = times.map((time) => installed(String(time), time));
          const safe = new Set(guarded.map(String));
          const gone = releasesToRemove(releases, safe, keep);
          expect(gone.every((each) => !safe.has(each.folder))).toBe(true);
          const newest = releases.toSorted((a, b) => b.stagedAt - a.stagedAt).slice(0, keep);
          expect(gone.some((each) => newest.includes(each))).toBe(false);
          expect(gone.map((each) => each.stagedAt)).toEqual(
            gone.map((each) => each.stagedAt).toSorted((a, b) => a - b),
          );
        },
      ),
    );
  });
});
