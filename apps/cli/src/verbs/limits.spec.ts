import { describe, expect, it } from 'vitest';

import { changeOf, limitsText } from './limits.js';

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
});
