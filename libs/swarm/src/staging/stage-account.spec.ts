import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { cutTo } from './stage-account.js';

const amount = fc.integer({ min: 0, max: 1000 });

describe('an account of which not all bytes are there any more', () => {
  it('counts what is there, what was wasted, and nothing twice', () => {
    const account = { fromOrigin: 10, fromPeers: 20, reused: 30, wasted: 1 };
    expect(cutTo(account, 60)).toEqual(account);
    expect(cutTo(account, 35)).toEqual({ fromOrigin: 10, fromPeers: 20, reused: 5, wasted: 1 });
    expect(cutTo(account, 15)).toEqual({ fromOrigin: 10, fromPeers: 5, reused: 0, wasted: 16 });
    expect(cutTo(account, 0)).toEqual({ fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 31 });
  });

  it('never has more than is there, and loses nothing that travelled', () => {
    fc.assert(
      fc.property(amount, amount, amount, amount, amount, (...given) => {
        const [fromOrigin, fromPeers, reused, wasted, bytes] = given;
        const cut = cutTo({ fromOrigin, fromPeers, reused, wasted }, bytes);
        const useful = cut.fromOrigin + cut.fromPeers + cut.reused;
        expect(useful).toBe(Math.min(bytes, fromOrigin + fromPeers + reused));
        const travelled = cut.fromOrigin + cut.fromPeers + cut.wasted;
        expect(travelled).toBe(fromOrigin + fromPeers + wasted);
      }),
    );
  });
});
