import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { ConnectionIds } from './connection-ids.js';

const SECRET = Buffer.alloc(32, 7);
const REMOTE = { address: '10.0.0.1', port: 5000 };

describe('ConnectionIds', () => {
  it('are good for two minutes, whenever they were made', () => {
    fc.assert(
      fc.property(fc.nat(4e9), fc.nat(600), (start, age) => {
        const clock = new VirtualClock(start * 1000);
        const ids = new ConnectionIds(SECRET, clock);
        const id = ids.issue(REMOTE);
        clock.advance(age * 1000);
        expect(ids.isValid(id, REMOTE)).toBe(age <= 120);
      }),
    );
  });

  it('are good for the one address and port', () => {
    const ids = new ConnectionIds(SECRET, new VirtualClock(1e12));
    const id = ids.issue(REMOTE);
    expect(ids.isValid(id, { ...REMOTE, port: 5001 })).toBe(false);
    expect(ids.isValid(id, { ...REMOTE, address: '10.0.0.2' })).toBe(false);
    expect(ids.isValid(id, { address: '10.0.0.10', port: 500 })).toBe(false);
  });

  it('cannot be changed in any bit, nor made with another secret', () => {
    const clock = new VirtualClock(1e12);
    const ids = new ConnectionIds(SECRET, clock);
    for (let bit = 0; bit < 64; bit++) {
      const id = ids.issue(REMOTE);
      id[bit >> 3]! ^= 1 << (bit & 7);
      expect(ids.isValid(id, REMOTE)).toBe(false);
    }
    const foreign = new ConnectionIds(Buffer.alloc(32, 8), clock).issue(REMOTE);
    expect(ids.isValid(foreign, REMOTE)).toBe(false);
    expect(ids.isValid(Buffer.alloc(7), REMOTE)).toBe(false);
  });

  it('of another replica are good, its clock being a little ahead', () => {
    const clock = new VirtualClock(1e12);
    const here = new ConnectionIds(SECRET, clock);
    const ahead = (ms: number) => new ConnectionIds(SECRET, new VirtualClock(1e12 + ms));
    expect(here.isValid(ahead(4000).issue(REMOTE), REMOTE)).toBe(true);
    expect(here.isValid(ahead(60_000).issue(REMOTE), REMOTE)).toBe(false);
  });
});
