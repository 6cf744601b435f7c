import { describe, expect, it } from 'vitest';

import { frameText, mapText } from './swarm-frame.js';

const full = 'ff'.repeat(64);

describe('a piece map in characters', () => {
  it('is blank only where nothing is held, and full only where all is', () => {
    const pieces = `${'00'.repeat(16)}${'ff'.repeat(16)}${'01'.repeat(16)}${'fe'.repeat(16)}`;
    expect(mapText({ pieces }, 4)).toBe(' █░▓');
    expect(mapText({ pieces: full }, 64)).toBe('█'.repeat(64));
  });
});

describe('a frame of the live view', () => {
  it('names who sent to whom', () => {
    const common = { progress: 1, bytesPerSecondDown: 0, bytesPerSecondUp: 0, pieces: full };
    const text = frameText(
      {
        at: 0,
        artifact: 'a'.repeat(64),
        peers: [
          { ...common, peer: 'p1', label: 'origin', role: 'origin', from: [] },
          {
            ...common,
            peer: 'p2',
            label: 'web-1',
            role: 'agent',
            from: [{ peer: 'p1', bytes: 2048 }],
          },
        ],
      },
      80,
    );
    expect(text).toContain('1970-01-01 00:00:00Z  aaaaaaaaaaaa');
    expect(text).toMatch(/web-1 +agent +100 % .*origin 2\.00 KiB$/m);
  });
});
