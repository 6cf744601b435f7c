import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { layoutPeers, type PlacedPeer } from './peer.layout.js';

const ROOM = { width: 1100, height: 620, labelHeight: 30 };

function swarmOf(agents: number, origins = 1) {
  return [
    ...Array.from({ length: origins }, (_, index) => ({
      peer: `o${index}`,
      role: 'origin' as const,
    })),
    ...Array.from({ length: agents }, (_, index) => ({
      peer: `a${index}`,
      role: 'agent' as const,
    })),
  ];
}

function closest(placed: readonly PlacedPeer[]): number {
  let least = Infinity;
  for (const [index, one] of placed.entries()) {
    for (const other of placed.slice(index + 1)) {
      const apart = Math.hypot(one.x - other.x, one.y - other.y) - one.radius - other.radius;
      least = Math.min(least, apart);
    }
  }
  return least;
}

describe('layoutPeers', () => {
  it('places everybody once, inside the room, and nobody on anybody, up to 200 peers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 0, max: 2 }),
        (agents, origins) => {
          const peers = swarmOf(agents, origins);
          const placed = layoutPeers(peers, ROOM);
          expect(placed.map((each) => each.peer).sort()).toEqual(
            peers.map((each) => each.peer).sort(),
          );
          for (const { x, y, radius } of placed) {
            expect(x - radius).toBeGreaterThanOrEqual(0);
            expect(x + radius).toBeLessThanOrEqual(ROOM.width);
            expect(y - radius).toBeGreaterThanOrEqual(0);
            expect(y + radius).toBeLessThanOrEqual(ROOM.height);
          }
          expect(closest(placed)).toBeGreaterThan(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('puts the origin in the middle and makes few peers large', () => {
    const [origin, first, second] = layoutPeers(swarmOf(2), ROOM);
    expect(origin).toMatchObject({ peer: 'o0', x: 550, y: 295 });
    expect(first!.radius).toBeGreaterThan(40);
    expect(first!.y).toBeLessThan(origin!.y);
    expect(second!.y).toBeGreaterThan(origin!.y);
  });

  it('gives a narrow screen smaller disks instead of overlaps', () => {
    const narrow = layoutPeers(swarmOf(30), { width: 360, height: 480, labelHeight: 0 });
    expect(closest(narrow)).toBeGreaterThan(0);
  });
});
