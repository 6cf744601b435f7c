import { describe, expect, it } from 'vitest';

import { ioBuffer, sharedIoBytes } from './io-memory.js';

/** Where glibc puts memory that is a mapping of its own. */
const BEHIND_THE_PAGE = 16;

describe('memory for files', () => {
  it.each([1, 16_384, 1024 * 1024])('is exactly as long as asked for: %i bytes', (length) => {
    expect(ioBuffer(length).length).toBe(length);
    expect(sharedIoBytes(length).length).toBe(length);
    expect(sharedIoBytes(length).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('is no target or source of the copies that are slow when its own page holds the other end', () => {
    for (const { byteOffset } of [ioBuffer(1024 * 1024), sharedIoBytes(1024 * 1024)]) {
      const at = BEHIND_THE_PAGE + byteOffset;
      expect(at).toBeGreaterThanOrEqual(32);
      expect(at).toBeLessThanOrEqual(4096 - 32);
    }
  });
});
