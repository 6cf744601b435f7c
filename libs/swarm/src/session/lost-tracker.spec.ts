import { afterEach, expect, it } from 'vitest';

import { artifactOf, eventually, MIB, TestFleet } from './session.fixture.js';

let fleet: TestFleet | null = null;
afterEach(() => fleet?.close());

it('machines that lose their tracker keep their peers, finish, and are known to it again', async () => {
  fleet = new TestFleet(artifactOf({ files: [8 * MIB] }));
  // Slow enough that much is left to be sent when the tracker goes.
  const origin = await fleet.origin({ session: { uploadLimit: 4 * MIB } });
  const [one, other] = [await fleet.add(), await fleet.add()];
  const peersOf = (machine: typeof one) => machine.torrent.stats().neighbours.length;
  await eventually(() => Math.min(peersOf(one), peersOf(other))).toBeGreaterThanOrEqual(2);
  fleet.tracker.down = true;
  for (const machine of [one, other]) {
    await machine.torrent.done;
    expect((await machine.content()).equals(fleet.artifact.payload)).toBe(true);
  }
  expect(peersOf(origin)).toBeGreaterThan(0);
  const late = await fleet.add();
  fleet.tracker.down = false;
  await late.torrent.done;
  expect(fleet.tracker.countOf('swarm')).toBe(4);
});
