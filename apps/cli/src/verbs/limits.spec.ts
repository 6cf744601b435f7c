import { describe, expect, it } from 'vitest';

import { OriginLimits } from '#lib/contracts';

import { changeOf, limitsText, originChangeOf, originLimitsText } from './limits.js';

describe('limits on the command line', () => {
  it('change what is named, and nothing else', () => {
    expect(changeOf({ up: '10MB/s' }, undefined)).toEqual({ upload: 10_000_000 });
    expect(changeOf({ down: 'off' }, 'ab'.repeat(32))).toEqual({
      artifact: 'ab'.repeat(32),
      download: null,
    });
    expect(changeOf({}, 'ab'.repeat(32))).toBeNull();
  });

  it('are refused by the name of their option', () => {
    expect(() => changeOf({ up: 'fast' }, undefined)).toThrow(/^--up "fast" is not a rate/);
  });

  it('are shown, those of artifacts too', () => {
    const artifacts = [{ artifact: 'ab'.repeat(32), upload: 1024, download: null }];
    const text = limitsText({ upload: null, download: 2048, artifacts });
    expect(text).toContain('up    no limit\ndown  2.00 KiB/s');
    expect(text).toMatch(/abab +1.00 KiB\/s +no limit/);
  });

  it('of the origin can be given up, so that each replica goes by how it was started', () => {
    const artifact = 'ab'.repeat(32);
    expect(originChangeOf('default', undefined)).toEqual({ upload: 'default' });
    expect(originChangeOf('Default', artifact)).toEqual({ artifact, upload: 'default' });
    expect(originChangeOf('2MB/s', artifact)).toEqual({ artifact, upload: 2_000_000 });
    expect(originChangeOf(undefined, artifact)).toBeNull();
  });

  it('of the origin are said to be of each replica', () => {
    const limits = { upload: 1024, download: null, artifacts: [] };
    const set = originLimitsText({ ...limits, set: { upload: 1024 }, seeders: 3 });
    expect(set).toContain('up    1.00 KiB/s\n');
    expect(set).toContain('Set for all replicas; 3 seed now, and each holds to it by itself.');
    const alone = originLimitsText({ ...limits, set: {}, seeders: 1 });
    expect(alone).toContain('As this replica was started; one seeds now.');
  });

  it('of an origin of an earlier version are understood, and said to be of one replica', () => {
    const earlier = OriginLimits.parse({ upload: 1024, download: null, artifacts: [] });
    expect(originLimitsText(earlier)).toMatch(/^up +1.00 KiB\/s\n[^]*Of the replica that answered/);
  });
});
