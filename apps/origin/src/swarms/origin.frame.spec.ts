import { describe, expect, it } from 'vitest';

import type { PeerFrame } from '#lib/contracts';

import { originFrameOf } from './origin.frame.js';

const frame = (pieces: string, up: number): PeerFrame => ({
  peer: 'origin',
  label: 'origin',
  role: 'origin',
  pieces: pieces.padEnd(128, '0'),
  progress: up / 100,
  bytesPerSecondDown: 0,
  bytesPerSecondUp: up,
  from: [],
});

describe('originFrameOf', () => {
  it('is the frame of the only replica as it is, and nothing of none', () => {
    expect(originFrameOf([frame('ff', 5)])).toEqual(frame('ff', 5));
    expect(originFrameOf([])).toBeNull();
  });

  it('shows several replicas as the one peer that they are', () => {
    expect(originFrameOf([frame('ff00', 5), frame('00aa', 6)])).toEqual({
      ...frame('ffaa', 11),
      label: 'origin (2 replicas)',
      progress: 0.06,
    });
  });
});
