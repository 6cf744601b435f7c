import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CopyDivision, STRETCH_LENGTH } from './copy.division.js';
import { layoutOf } from './policy.fixture.js';

const MIB = 1024 * 1024;
const RUNS = 800;
const layout = layoutOf([RUNS * MIB], MIB);
const ids$ = fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{8}$/), { minLength: 1, maxLength: 6 });

function ownersOf(replicas: readonly string[], artifact = 'f00d'): (string | undefined)[] {
  const divisions = replicas.map((self) => {
    const division = new CopyDivision(layout, artifact, { self, alive: () => replicas });
    division.look(0, true, () => true);
    return { self, division };
  });
  return Array.from({ length: RUNS }, (_, run) => {
    const owners = divisions.filter(({ division }) => division.isOurs(run));
    return owners.length === 1 ? owners[0]!.self : undefined;
  });
}

describe('the division of first copies', () => {
  it('gives each run one owner, whatever order a replica knows the others in', () => {
    fc.assert(
      fc.property(ids$, (replicas) => {
        const owners = ownersOf(replicas);
        expect(owners).not.toContain(undefined);
        expect(ownersOf(replicas.toReversed())).toEqual(owners);
      }),
      { numRuns: 20 },
    );
  });

  it('moves only what the one had that is gone', () => {
    fc.assert(
      fc.property(ids$, (replicas) => {
        const owners = ownersOf(replicas);
        const without = ownersOf(replicas.slice(1));
        const moved = owners.filter((owner, run) => replicas.length > 1 && owner !== without[run]);
        expect(moved.every((owner) => owner === replicas[0])).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps together what lies together, and divides fairly, differently for each artifact', () => {
    const replicas = ['one', 'two', 'three'];
    const owners = ownersOf(replicas);
    for (let run = 0; run < RUNS; run++) {
      expect(owners[run]).toBe(owners[run - (run % (STRETCH_LENGTH / MIB))]);
    }
    for (const replica of replicas) {
      const share = owners.filter((owner) => owner === replica).length / RUNS;
      expect(share).toBeGreaterThan(0.23);
      expect(share).toBeLessThan(0.43);
    }
    expect(ownersOf(replicas, 'beef')).not.toEqual(owners);
  });
});
