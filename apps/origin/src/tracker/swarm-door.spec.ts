import { describe, expect, it } from 'vitest';

import { SwarmDoor } from './swarm-door.js';

const STORED = { host: '10.0.0.1', kind: 'stranger', caller: 'token-1', expiresAt: 100 } as const;

describe('SwarmDoor', () => {
  it('lets in who announced with a key, and nobody else', () => {
    const door = new SwarmDoor(() => 0, true);
    door.stored('s', STORED);
    door.stored('s', { ...STORED, host: '10.0.0.2', caller: '' });
    door.stored('s', { ...STORED, host: '10.0.0.3', kind: 'origin' });
    const isAnnounced = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) =>
      door.isAnnounced('s', host),
    );
    expect(isAnnounced).toEqual([true, false, false]);
  });

  it('notes nobody where announcing lets nobody in', () => {
    const door = new SwarmDoor(() => 0, false);
    door.stored('s', STORED);
    expect(door.isAnnounced('s', STORED.host)).toBe(false);
  });
});
