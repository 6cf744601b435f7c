import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { EXTENSION, encodeRunMessage } from '#lib/wire';

import { MemoryStore } from '../disk/memory-store.js';
import { MIB, SECRET, TestFleet, artifactOf, eventually, sentBy } from './session.fixture.js';
import { WireClient } from './wire-client.fixture.js';

let fleet: TestFleet | null = null;
const clients: WireClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await fleet?.close();
  fleet = null;
});

/** A disk that writes one thing after the other, at this rate. */
class SlowStore extends MemoryStore {
  written = 0;
  /** How long it was writing, milliseconds: on a busy machine each turn takes longer than the rate says. */
  busy = 0;
  #turn = Promise.resolve();

  constructor(
    length: number,
    readonly rate: number,
  ) {
    super(length);
  }

  override async write(offset: number, source: Uint8Array): Promise<void> {
    const before = this.#turn;
    this.#turn = (async () => {
      await before;
      const began = performance.now();
      await pause((source.length * 1000) / this.rate);
      this.busy += performance.now() - began;
    })();
    await this.#turn;
    await super.write(offset, source);
    this.written += source.length;
  }
}

describe('a disk that is slower than the network', () => {
  it('slows reading: memory stays bounded, and progress is what the disk does', async () => {
    const artifact = artifactOf({ files: [48 * MIB], pieceLength: 256 * 1024 });
    fleet = new TestFleet(artifact);
    const seeds = [await fleet.add({ complete: true }), await fleet.add({ complete: true })];
    const store = new SlowStore(artifact.payload.length, 8 * MIB);
    const memoryBudget = 16 * MIB;
    const { session, torrent } = await fleet.add({ store, session: { memoryBudget } });
    const began = performance.now();
    let mostUsed = 0;
    let mostAhead = 0;
    let longestPause = 0;
    let movedAt = began;
    let moved = 0;
    while (!torrent.have.all) {
      mostUsed = Math.max(mostUsed, session.buffers.used);
      mostAhead = Math.max(mostAhead, session.stats().received - store.written);
      if (store.written > moved) movedAt = performance.now();
      moved = store.written;
      longestPause = Math.max(longestPause, performance.now() - movedAt);
      await pause(5);
    }
    await torrent.done;
    expect(mostUsed).toBeLessThanOrEqual(memoryBudget);
    // What was read and is not written lies in the budget's half that receiving may have.
    expect(mostAhead).toBeLessThan(memoryBudget / 2 + 3 * MIB);
    // The disk never waits long for something to write.
    expect((performance.now() - began) / store.busy).toBeLessThan(1.5);
    expect(longestPause).toBeLessThan(2000);
    expect(torrent.stats().bytes.wasted).toEqual({ hashFailure: 0, duplicate: 0, aborted: 0 });
    for (const seed of seeds) expect(seed.session.buffers.used).toBeLessThanOrEqual(24 * MIB);
  });
});

describe('peers that do not read', () => {
  it('hold little memory and no place: who reads is served as if they were not there', async () => {
    const artifact = artifactOf({ files: [64 * MIB], pieceLength: 256 * 1024 });
    fleet = new TestFleet(artifact);
    const memoryBudget = 32 * MIB;
    const seed = await fleet.add({ complete: true, session: { memoryBudget } });
    const { runs } = seed.torrent.layout;
    const slow = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const client = WireClient.dial(seed.session.port, { artifact, secret: SECRET });
        clients.push(client);
        await client.until(() => client.isMember && client.has('unchoke'));
        client.socket.pause();
        for (let run = 0; run < 32; run++) {
          const length = runs.lengthOf(run);
          const request = { type: 'request' as const, run, offset: 0, length };
          client.extended(EXTENSION.run, encodeRunMessage(request));
        }
        return client;
      }),
    );
    // All they get is on its way, and nothing of it moves.
    let sent = -1;
    await eventually(() => {
      const before = sent;
      sent = sentBy(seed);
      return sent > 0 && sent === before;
    }).toBe(true);
    const fast = await fleet.add();
    await fast.torrent.done;
    expect((await fast.content()).equals(artifact.payload)).toBe(true);
    expect(fast.torrent.stats().bytes.fromPeers).toBe(artifact.payload.length);
    expect(seed.session.buffers.used).toBeLessThan(memoryBudget);
    expect(slow.filter(({ closed }) => closed)).toHaveLength(0);
    const [neighbour] = slow;
    neighbour!.socket.resume();
    await neighbour!.until(() => neighbour!.blocks.length > 0);
  });

  it('but slowly get what they ask for, in small pieces', async () => {
    const artifact = artifactOf({ files: [16 * MIB], pieceLength: 256 * 1024 });
    fleet = new TestFleet(artifact);
    const seed = await fleet.add({ complete: true });
    const slow = await Promise.all(
      Array.from({ length: 10 }, () => fleet!.add({ session: { downloadLimit: MIB / 4 } })),
    );
    await eventually(() =>
      Math.min(...slow.map(({ session }) => session.stats().received)),
    ).toBeGreaterThan(MIB / 4);
    const fast = await fleet.add();
    await fast.torrent.done;
    expect(seed.session.buffers.used).toBeLessThan(24 * MIB);
    for (const { session } of slow) session.setLimits({ download: null });
    await Promise.all(slow.map(({ torrent }) => torrent.done));
    for (const machine of slow) {
      expect((await machine.content()).equals(artifact.payload)).toBe(true);
    }
  });
});
