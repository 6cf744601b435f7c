import { describe, expect, it } from 'vitest';

import { openFilesLimit, openFilesShare, parseOpenFilesLimit } from './open-files.js';

describe('the limit of open files', () => {
  it('is read from what the system tells', () => {
    const line = 'Max open files            256                  4096                 files     ';
    expect(parseOpenFilesLimit(`Limit   Soft Limit\n${line}\nMax locked memory 1 1 bytes`)).toBe(
      256,
    );
    expect(parseOpenFilesLimit('Max open files  unlimited  unlimited  files')).toBeGreaterThan(1e9);
    expect(parseOpenFilesLimit('')).toBe(1024);
    expect(openFilesLimit()).toBeGreaterThan(0);
  });

  it('is divided so that the parts and the reserve stay below it', () => {
    for (const limit of [256, 300, 1024, 4096]) {
      const parts = [0.5, 0.25, 0.25].map((share) => openFilesShare(share, 10_000, limit));
      expect(parts.reduce((sum, part) => sum + part)).toBeLessThanOrEqual(limit - 80);
    }
    expect(openFilesShare(0.5, 1000, 1_000_000)).toBe(1000);
    expect(openFilesShare(0.5, 1000, 64)).toBe(8);
  });
});
