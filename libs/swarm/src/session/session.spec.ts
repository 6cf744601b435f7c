import { afterEach, describe, expect, it } from 'vitest';

import { KIB, MIB, TestFleet, artifactOf, sentBy, type TestArtifact } from './session.fixture.js';

let fleet: TestFleet | null = null;

function fleetOf(artifact: TestArtifact): TestFleet {
  fleet = new TestFleet(artifact);
  return fleet;
}

afterEach(async () => {
  await fleet?.close();
  fleet = null;
});

describe('two machines', () => {
  it.each([
    { what: 'a single file', files: [5 * MIB + 123], pieceLength: 64 * KIB },
    { what: 'a file of pieces larger than spans', files: [9 * MIB + 5], pieceLength: 4 * MIB },
    { what: 'a tree', files: [3 * MIB, 0, 17, 70 * KIB, 1 * MIB], pieceLength: 64 * KIB },
    {
      what: 'a tree of many small files',
      files: Array.from({ length: 700 }, (_, index) => 1 + ((index * 7919) % (20 * KIB))),
      pieceLength: 16 * KIB,
    },
  ])('transfer $what', async ({ files, pieceLength }) => {
    const artifact = artifactOf({ files, pieceLength });
    const { payload } = artifact;
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin();
    const machine = await swarm.add();
    await machine.torrent.done;
    expect(await machine.content()).toEqual(payload);
    const { bytes } = machine.torrent.stats();
    expect(bytes.fromOrigin).toBe(payload.length);
    expect(bytes.wasted).toEqual({ hashFailure: 0, duplicate: 0, aborted: 0 });
    expect(sentBy(origin)).toBe(payload.length);
    expect(origin.torrent.stats().bytes.sent.first).toBe(payload.length);
  });
});
