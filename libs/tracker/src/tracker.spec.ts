import { describe, expect, it } from 'vitest';

import type { AnnounceAnswer } from '#lib/wire';

import { ANYBODY, type TrackerAccess } from './access/tracker-access.js';
import { MemoryPeerStore } from './store/memory.peer-store.js';
import {
  MEMBER_KEY,
  ORIGIN,
  OTHER,
  STRANGER_KEY,
  SWARM,
  UNKNOWN,
  V1,
  V2,
  memberOf,
  requestFrom,
  trackerOf,
} from './tracker.fixture.js';
import { MAX_BATCH } from './tracker.js';

const codeOf = (code: string) => expect.objectContaining({ code });
const hostsOf = (answer: AnnounceAnswer) => answer.peers.map(({ host }) => host).toSorted();

describe('who is let in', () => {
  const outcome = async (access: TrackerAccess, key: string | null, infoHash: Buffer) => {
    try {
      const { found, caller } = await trackerOf(access).tracker.admit(key, infoHash);
      return `${caller.kind} ${caller.id || 'nobody'} in ${found.swarm.slice(0, 2)}`;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each<[TrackerAccess, string | null, Buffer, string]>([
    ['closed', null, V2, 'TRACKER_KEY_INVALID'],
    ['closed', 'wrong', V2, 'TRACKER_KEY_INVALID'],
    ['closed', MEMBER_KEY, V2, 'member web-1 in 22'],
    ['closed', MEMBER_KEY, UNKNOWN, 'INFO_HASH_UNKNOWN'],
    ['closed', STRANGER_KEY, V1, 'stranger token-1 in 22'],
    ['closed', STRANGER_KEY, OTHER, 'TRACKER_KEY_INVALID'],
    ['known', null, V1, 'stranger nobody in 22'],
    ['known', 'wrong', V2, 'TRACKER_KEY_INVALID'],
    ['known', MEMBER_KEY, V2, 'member web-1 in 22'],
    ['known', null, UNKNOWN, 'INFO_HASH_UNKNOWN'],
    ['open', null, V2, 'stranger nobody in 22'],
    ['open', 'wrong', V2, 'TRACKER_KEY_INVALID'],
    ['open', null, UNKNOWN, 'stranger nobody in 99'],
  ])('%s tracker, key %s, hash %o: %s', async (access, key, infoHash, expected) => {
    expect(await outcome(access, key, infoHash)).toBe(expected);
  });

  it('a closed tracker does not even look up a hash for who has no key', async () => {
    const { tracker, registry } = trackerOf('closed');
    for (const hash of [V2, UNKNOWN]) {
      await expect(tracker.admit(null, hash)).rejects.toEqual(codeOf('TRACKER_KEY_INVALID'));
    }
    expect(registry.lookups).toBe(0);
  });
});

describe('a hybrid artifact', () => {
  it('is one swarm with one record a peer, whichever hash was announced', async () => {
    const { tracker } = trackerOf('known');
    const both = requestFrom('10.0.0.1');
    await tracker.announce({ ...both, infoHash: V1 }, ANYBODY);
    await tracker.announce({ ...both, infoHash: V2 }, ANYBODY);
    await tracker.announce(requestFrom('10.0.0.2', { infoHash: V1 }), ANYBODY);
    const { peers, incomplete } = await tracker.announce(requestFrom('10.0.0.3'), memberOf('m'));
    const seen = peers
      .map(({ host, flags }) => ({ host, v1: flags?.v1, v2: flags?.v2 }))
      .toSorted((a, b) => a.host.localeCompare(b.host));
    expect(seen).toEqual([
      { host: '10.0.0.1', v1: true, v2: true },
      { host: '10.0.0.2', v1: true, v2: false },
    ]);
    expect(incomplete).toBe(3);
  });

  it('gives strangers of each hash those they can talk to, and members to all', async () => {
    const { tracker } = trackerOf('known');
    await tracker.announce(requestFrom('10.0.0.1', { infoHash: V1 }), ANYBODY);
    await tracker.announce(requestFrom('10.0.0.2', { infoHash: V2 }), ANYBODY);
    await tracker.announce(requestFrom('10.0.0.3', { infoHash: V2 }), memberOf('m'));
    const told = (infoHash: Buffer) =>
      tracker.announce(requestFrom('10.0.0.9', { infoHash }), ANYBODY).then(hostsOf);
    expect(await told(V1)).toEqual(['10.0.0.1', '10.0.0.3']);
  });
});

describe('who is told of whom', () => {
  it('never a peer of itself, not after it moved either', async () => {
    const { tracker } = trackerOf('closed');
    const self = requestFrom('10.0.0.1');
    await tracker.announce(self, memberOf('m'));
    expect((await tracker.announce(self, memberOf('m'))).peers).toEqual([]);
    const moved = { ...self, remoteAddress: '10.0.0.2' };
    expect((await tracker.announce(moved, memberOf('m'))).peers).toEqual([]);
  });

  it('a downloader of downloaders, seeds and origins; a seed of nobody', async () => {
    const { tracker } = trackerOf('closed');
    await tracker.announce(requestFrom('10.0.0.1', { left: 0 }), ORIGIN);
    await tracker.announce(requestFrom('10.0.0.2', { left: 0 }), memberOf('seed'));
    await tracker.announce(requestFrom('10.0.0.3'), memberOf('a'));
    const downloader = await tracker.announce(requestFrom('10.0.0.4'), memberOf('b'));
    expect(hostsOf(downloader)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(downloader.peers.at(-1)).toMatchObject({ host: '10.0.0.1', flags: { origin: true } });
    expect(downloader).toMatchObject({ complete: 2, incomplete: 2 });
    const seed = await tracker.announce(requestFrom('10.0.0.5', { left: 0 }), memberOf('c'));
    expect(seed.peers).toEqual([]);
    expect(await tracker.seedsOf(SWARM)).toBe(2);
  });

  it('as many as it asks for, within bounds', async () => {
    const { tracker } = trackerOf('closed', { handOut: { maxWant: 40, defaultWant: 25 } });
    for (let at = 0; at < 200; at++) {
      await tracker.announce(requestFrom(`10.0.0.${at}`), memberOf('m'));
    }
    const told = async (numWant: number | null) =>
      (await tracker.announce(requestFrom('10.9.9.9', { numWant }), memberOf('m'))).peers.length;
    expect([await told(0), await told(7), await told(null), await told(1e6)]).toEqual([
      0, 7, 25, 40,
    ]);
  });

  it('nobody of who stopped', async () => {
    const { tracker } = trackerOf('closed');
    const leaving = requestFrom('10.0.0.1');
    await tracker.announce(leaving, memberOf('m'));
    const stopped = await tracker.announce({ ...leaving, event: 'stopped' }, memberOf('m'));
    expect(stopped.peers).toEqual([]);
    expect((await tracker.announce(requestFrom('10.0.0.2'), memberOf('n'))).peers).toEqual([]);
  });

  it('nobody of who was silent for too long', async () => {
    const { tracker, clock } = trackerOf('closed');
    await tracker.announce(requestFrom('10.0.0.1'), memberOf('downloads'));
    await tracker.announce(requestFrom('10.0.0.2', { left: 0 }), memberOf('seeds'));
    clock.advance(120_000);
    const told = await tracker.announce(requestFrom('10.0.0.3'), memberOf('m'));
    expect(hostsOf(told)).toEqual(['10.0.0.2']);
    clock.advance(60 * 60_000);
    expect(await tracker.peersOf(SWARM, 10)).toEqual([]);
  });
});

describe('addresses', () => {
  const stored = async (change: object, caller = memberOf('m')) => {
    const { tracker } = trackerOf('closed');
    await tracker.announce(requestFrom('10.0.0.1', change), caller);
    const [peer] = await tracker.peersOf(SWARM, 10);
    return `${peer!.host} ${peer!.port}`;
  };

  it('are believed from members', async () => {
    expect(await stored({ ip: '192.0.2.1' })).toBe('192.0.2.1 6881');
    expect(await stored({ advertise: '[FD00::0:1]:7000' })).toBe('fd00::1 7000');
    expect(await stored({ advertise: '192.0.2.2:7000', ip: '192.0.2.1' })).toBe('192.0.2.2 7000');
  });

  it('of strangers are those of their sockets, with a key or without', async () => {
    const claim = { ip: '192.0.2.1', advertise: '192.0.2.2:7000', port: 5000 };
    expect(await stored(claim, ANYBODY)).toBe('10.0.0.1 5000');
    expect(await stored(claim, { ...ANYBODY, id: 'token' })).toBe('10.0.0.1 5000');
  });

  it('of dual-stack sockets are what they stand for', async () => {
    expect(await stored({ remoteAddress: '::ffff:10.7.7.7' })).toBe('10.7.7.7 6881');
  });

  it.each([
    { advertise: 'host.example:7000' },
    { advertise: '10.0.0.1' },
    { advertise: '0.0.0.0:7000' },
    { ip: 'host.example' },
    { ip: '224.0.0.1' },
    { ip: '::' },
    { remoteAddress: 'unknown' },
  ])('that lead nowhere are refused: %o', async (change) => {
    const { tracker } = trackerOf('closed');
    const announce = tracker.announce(requestFrom('10.0.0.1', change), memberOf('m'));
    await expect(announce).rejects.toEqual(codeOf('REQUEST_INVALID'));
  });
});

describe('a batch', () => {
  it('announces all that a machine holds, and names what is unknown', async () => {
    const { tracker } = trackerOf('closed');
    const batch = [V2, UNKNOWN, OTHER].map((infoHash) =>
      requestFrom('10.0.0.1', { infoHash, left: 0 }),
    );
    expect(await tracker.announceMany(batch, memberOf('m'))).toEqual({
      accepted: 2,
      refused: [{ infoHash: UNKNOWN, code: 'INFO_HASH_UNKNOWN' }],
      bootEpoch: tracker.bootEpoch,
    });
    expect(await tracker.stats()).toEqual({ swarms: 2, peers: 2 });
    expect(await tracker.seedsOf(SWARM)).toBe(1);
  });

  it('is bounded', async () => {
    const { tracker } = trackerOf('closed');
    const batch = Array.from({ length: MAX_BATCH + 1 }, () => requestFrom('10.0.0.1'));
    const announced = tracker.announceMany(batch, memberOf('m'));
    await expect(announced).rejects.toEqual(codeOf('PAYLOAD_TOO_LARGE'));
  });

  it('is needed when the boot epoch changed, as it does with each start', () => {
    expect(trackerOf('closed').tracker.bootEpoch).not.toBe(trackerOf('closed').tracker.bootEpoch);
  });
});

describe('strangers that nobody will serve', () => {
  it('are warned, members are not', async () => {
    const strangerWarning = 'Members only.';
    const { tracker } = trackerOf('closed', { strangerWarning });
    const warningFor = async (key: string) => {
      const admission = await tracker.admit(key, V2);
      return (await tracker.announceAdmitted(requestFrom('10.0.0.1'), admission)).warning;
    };
    expect(await warningFor(STRANGER_KEY)).toBe(strangerWarning);
    expect(await warningFor(MEMBER_KEY)).toBeUndefined();
  });
});

describe('a full tracker', () => {
  it('still answers, and says that it is full', async () => {
    const { clock } = trackerOf('closed');
    const store = new MemoryPeerStore({ clock, random: () => 0.5, limits: { maxPeers: 1 } });
    const { tracker } = trackerOf('closed', { store });
    const first = await tracker.announce(requestFrom('10.0.0.1'), memberOf('m'));
    const second = await tracker.announce(requestFrom('10.0.0.2'), memberOf('n'));
    expect(first.warning).toBeUndefined();
    expect(second.warning).toContain('full');
    expect(hostsOf(second)).toEqual(['10.0.0.1']);
  });
});
