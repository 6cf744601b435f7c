import { describe, expect, it } from 'vitest';

import {
  changedLimits,
  LimitsDocument,
  MAX_LIMITED_ARTIFACTS,
  NOTHING_SET,
} from './limits.document.js';

const artifact = 'ab'.repeat(32);

describe('changedLimits', () => {
  it('changes what is named, counts, and leaves the rest as it is', () => {
    const first = changedLimits(NOTHING_SET, { upload: 5000 });
    const second = changedLimits(first, { artifact, upload: 1000 });
    const third = changedLimits(second, { upload: null, download: 7000 });
    expect(third).toEqual({
      v: 1,
      revision: 3,
      upload: null,
      download: 7000,
      artifacts: { [artifact]: { upload: 1000, download: null } },
    });
    expect(first).toEqual({ v: 1, revision: 1, upload: 5000, artifacts: {} });
  });

  it('forgets what is given up, and artifacts without a limit', () => {
    let limits = changedLimits(NOTHING_SET, { upload: null, download: 1 });
    limits = changedLimits(limits, { upload: 'default', download: 'default' });
    limits = changedLimits(limits, { artifact, upload: 1, download: 2 });
    limits = changedLimits(limits, { artifact, upload: null });
    expect(limits.artifacts).toEqual({ [artifact]: { upload: null, download: 2 } });
    limits = changedLimits(limits, { artifact, download: 'default' });
    expect(limits).toEqual({ v: 1, revision: 5, artifacts: {} });
  });

  it('keeps what a newer build has added', () => {
    const own = { upload: 1, download: null, burst: 6 };
    const stored = LimitsDocument.parse({
      ...NOTHING_SET,
      burst: 5,
      artifacts: { [artifact]: own },
    });
    const kept = { burst: 5, artifacts: { [artifact]: own } };
    expect(changedLimits(stored, { upload: 1 })).toMatchObject({ ...kept, upload: 1 });
    const artifacts = { [artifact]: { ...own, upload: 2 } };
    expect(changedLimits(stored, { artifact, upload: 2 })).toMatchObject({ artifacts });
  });

  it('is bounded in artifacts, of which limits can still be lifted', () => {
    let limits = NOTHING_SET;
    const hash = (index: number) => index.toString(16).padStart(64, '0');
    for (let index = 0; index < MAX_LIMITED_ARTIFACTS; index++) {
      limits = changedLimits(limits, { artifact: hash(index), upload: 1 });
    }
    expect(() => changedLimits(limits, { artifact, upload: 1 })).toThrow('lift some');
    limits = changedLimits(limits, { artifact: hash(7), upload: null });
    expect(changedLimits(limits, { artifact, upload: 1 }).artifacts[artifact]).toBeDefined();
  });
});
