import { afterEach, describe, expect, it } from 'vitest';

import { artifactOf, MIB, TestFleet, type Machine } from './session.fixture.js';

const SIZE = 48 * MIB;
const artifact = artifactOf({ files: [SIZE] });

let fleet: TestFleet;
afterEach(() => fleet.close());

/** An origin, and three machines in each zone. @returns copies of the artifact that crossed zones */
async function delivered(zones: readonly string[]): Promise<number> {
  fleet = new TestFleet(artifact);
  await fleet.origin();
  const machines: Machine[] = [];
  for (const zone of zones) {
    for (let host = 0; host < 3; host++) {
      // No host is so quick that it has everything before the others are there.
      const limits = { downloadLimit: 8 * MIB, uploadLimit: 8 * MIB };
      machines.push(await fleet.add({ ...limits, ...(zone === '' ? {} : { zone }) }));
    }
  }
  await Promise.all(machines.map(({ torrent }) => torrent.done));
  for (const machine of machines) {
    expect((await machine.content()).equals(artifact.payload)).toBe(true);
  }
  const bytes = machines.map(({ torrent }) => torrent.stats().bytes);
  expect(bytes.every(({ fromAfar, fromPeers }) => fromAfar <= fromPeers)).toBe(true);
  return bytes.reduce((sum, { fromAfar }) => sum + fromAfar, 0) / SIZE;
}

describe('machines that know in which zone they stand', () => {
  it('fetch from other zones little more than what their zone lacks, once', async () => {
    // The origin gave each zone half, and it lacks the other half: together one copy. Without knowing
    // three of five neighbours stand elsewhere, and three copies come from them.
    expect(await delivered(['a', 'b'])).toBeLessThan(2.4);
  });

  it('are served as ever where nobody says where it stands', async () => {
    expect(await delivered(['', ''])).toBe(0);
  });
});
