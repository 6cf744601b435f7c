import { afterEach, describe, expect, it } from 'vitest';

import { MIB, TestFleet, artifactOf, eventually, sentBy } from './session.fixture.js';

const artifact = artifactOf({ files: [24 * MIB], pieceLength: 256 * 1024 });
let fleet: TestFleet;
afterEach(() => fleet.close());

describe('a session that leaves', () => {
  it('sends what was requested, lets everybody go, and what is left comes from others', async () => {
    fleet = new TestFleet(artifact);
    const leaving = await fleet.origin({ session: { uploadLimit: 16 * MIB } });
    const machine = await fleet.add();
    await eventually(() => machine.torrent.stats().bytes.fromOrigin).toBeGreaterThan(2 * MIB);
    await leaving.session.leave(10_000);
    expect(leaving.session.stats().connections).toBe(0);
    const sent = sentBy(leaving);
    await fleet.origin();
    await machine.torrent.done;
    expect((await machine.content()).equals(artifact.payload)).toBe(true);
    expect(sentBy(leaving)).toBe(sent);
    const { wasted } = machine.torrent.stats().bytes;
    expect(wasted).toEqual({ hashFailure: 0, duplicate: 0, aborted: 0 });
  });

  it('lets nobody in any more, and does not wait for who does not read', async () => {
    fleet = new TestFleet(artifact);
    const leaving = await fleet.origin();
    const slow = await fleet.add({ session: { downloadLimit: 64 * 1024 } });
    await eventually(() => slow.session.stats().received).toBeGreaterThan(16 * 1024);
    await leaving.session.leave(300);
    const late = await fleet.add();
    await eventually(() => late.session.stats().connections).toBeGreaterThan(0);
    expect(late.torrent.stats().neighbours.some(({ role }) => role === 'origin')).toBe(false);
    expect(leaving.session.stats().connections).toBeLessThanOrEqual(1);
  });
});
