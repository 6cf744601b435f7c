import { afterEach, describe, expect, it } from 'vitest';

import { FleetseedError, type ErrorCode } from '#lib/contracts';

import { MemoryStore } from '../disk/memory-store.js';
import { KIB, MIB, TestFleet, artifactOf, sentBy, type Machine } from './session.fixture.js';

const artifact = artifactOf({ files: [4 * MIB], pieceLength: 64 * KIB });
let fleet: TestFleet;

afterEach(() => fleet.close());

type Fault = ErrorCode | null;

/** A disk that fails as the test says; `time` counts reads and writes apart, from 1. */
class FaultyStore extends MemoryStore {
  reads = 0;
  writes = 0;
  faultOfRead: (time: number, offset: number) => Fault = () => null;
  faultOfWrite: (time: number, offset: number) => Fault = () => null;

  override async read(offset: number, target: Uint8Array): Promise<void> {
    const code = this.faultOfRead(++this.reads, offset);
    if (code !== null) throw new FleetseedError(code, 'The disk failed.');
    await super.read(offset, target);
  }

  override async write(offset: number, source: Uint8Array): Promise<void> {
    const code = this.faultOfWrite(++this.writes, offset);
    if (code !== null) throw new FleetseedError(code, 'The disk failed.');
    await super.write(offset, source);
  }
}

async function expectWhole(machine: Machine): Promise<void> {
  await machine.torrent.done;
  expect(artifact.payload.equals(await machine.content())).toBe(true);
}

function bansOf({ torrent }: Machine): string[] {
  const banned: string[] = [];
  torrent.on('peer-banned', ({ peer }) => banned.push(peer));
  return banned;
}

describe('a machine that seeds', () => {
  it.each<[string, ErrorCode]>([
    ['cannot be read in part (EIO)', 'DISK_IO'],
    ['is shorter than it was', 'PIECE_UNAVAILABLE'],
  ])('from a disk that %s is asked for the rest, and not banned', async (_, code) => {
    fleet = new TestFleet(artifact);
    const store = new FaultyStore(Buffer.from(artifact.payload));
    store.faultOfRead = (_time, offset) => (offset >= 2 * MIB ? code : null);
    const failing = await fleet.add({ complete: true, store });
    const machine = await fleet.add();
    const banned = bansOf(machine);
    await new Promise<void>((resolve) => {
      machine.torrent.on('verified', () => {
        if (machine.torrent.have.count === artifact.metainfo.pieceCount / 2) resolve();
      });
    });
    expect(machine.torrent.state).toBe('downloading');
    const good = await fleet.add({ complete: true });
    await expectWhole(machine);
    expect(banned).toEqual([]);
    expect(failing.torrent.state).toBe('seeding');
    expect(sentBy(good)).toBeGreaterThan(0);
  });

  it('from a disk that fails now and then, and is the only one, is asked again', async () => {
    fleet = new TestFleet(artifact);
    const store = new FaultyStore(Buffer.from(artifact.payload));
    store.faultOfRead = (time) => (time % 5 === 0 ? 'DISK_IO' : null);
    await fleet.origin({ store });
    await expectWhole(await fleet.add());
    expect(store.reads).toBeGreaterThan(5);
  });
});

describe('a machine that downloads', () => {
  it('to a disk that fails now and then fetches those pieces again', async () => {
    fleet = new TestFleet(artifact);
    await fleet.add({ complete: true });
    const store = new FaultyStore(artifact.payload.length);
    store.faultOfWrite = (time) => (time % 4 === 0 ? 'DISK_IO' : null);
    const machine = await fleet.add({ store });
    const banned = bansOf(machine);
    await expectWhole(machine);
    expect(machine.torrent.stats().bytes.wasted.aborted).toBeGreaterThan(0);
    expect(banned).toEqual([]);
  });

  it('to a disk that cannot be written at all fails, and tells why', async () => {
    fleet = new TestFleet(artifact);
    await fleet.add({ complete: true });
    const store = new FaultyStore(artifact.payload.length);
    store.faultOfWrite = () => 'DISK_IO';
    const machine = await fleet.add({ store });
    await expect(machine.torrent.done).rejects.toMatchObject({ code: 'DISK_IO' });
    expect(store.writes).toBeLessThan(100);
    expect(machine.session.stats().memoryUsed).toBeLessThan(artifact.payload.length);
  });

  it('to a disk that is full again and again waits, and completes when it is not', async () => {
    fleet = new TestFleet(artifact);
    await fleet.add({ complete: true });
    const store = new FaultyStore(artifact.payload.length);
    let full = 3;
    store.faultOfWrite = (_time, offset) => (offset > MIB && full > 0 ? 'NO_SPACE' : null);
    const machine = await fleet.add({ store, timeouts: { diskRetryMs: 20 } });
    machine.torrent.on('disk-full', () => full--);
    await expectWhole(machine);
    // While it is full it is not tried again and again.
    expect(full).toBe(0);
  });

  it('of pieces larger than a span, to a disk that fails now and then, completes', async () => {
    const large = artifactOf({ files: [9 * MIB], pieceLength: 4 * MIB });
    fleet = new TestFleet(large);
    await fleet.add({ complete: true });
    const store = new FaultyStore(large.payload.length);
    store.faultOfWrite = (time) => (time % 4 === 0 ? 'DISK_IO' : null);
    const machine = await fleet.add({ store });
    await machine.torrent.done;
    expect(large.payload.equals(await machine.content())).toBe(true);
  });

  it('and cannot read back what it wrote leaves its neighbours others to ask', async () => {
    fleet = new TestFleet(artifact);
    await fleet.origin();
    const store = new FaultyStore(artifact.payload.length);
    store.faultOfRead = () => 'DISK_IO';
    const deaf = await fleet.add({ store });
    const machine = await fleet.add();
    await Promise.all([deaf.torrent.done, machine.torrent.done]);
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });
});
