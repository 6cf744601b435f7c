import { beforeEach, describe, expect, it } from 'vitest';

import { VirtualClock, seededRandom, type Clock, type Random } from '#lib/runtime';

import {
  LOAD_HALF_LIFE_MS,
  MAX_ORIGINS,
  type PeerCandidate,
  type PeerRecord,
  type PeerStore,
  type PickPeers,
} from './peer-store.js';

const START = 1_000_000;
const LIFETIME = 60_000;
const SWARM = '0123456789abcdef0123456789abcdef01234567';

/** A record that differs only in what the test is about. */
export function peerOf(host: string, change: Partial<PeerRecord> = {}): PeerRecord {
  return {
    host,
    port: 6881,
    peerId: Buffer.from(host.padEnd(20, '-')),
    kind: 'member',
    state: 'downloading',
    caller: host,
    zone: '',
    rack: '',
    v1: false,
    v2: true,
    expiresAt: START + LIFETIME,
    ...change,
  };
}

const everything: PickPeers = (candidates) => candidates.chooseAll();
const hostsOf = (peers: readonly PeerRecord[]) => peers.map(({ host }) => host).toSorted();

/** What every peer store has to hold. `limits` of the store must allow 3,000 peers. */
export function describePeerStore(
  name: string,
  create: (doors: { clock: Clock; random: Random }) => Promise<PeerStore>,
): void {
  describe(`${name} as a PeerStore`, () => {
    let clock: VirtualClock;
    let store: PeerStore;

    beforeEach(async () => {
      clock = new VirtualClock(START);
      store = await create({ clock, random: seededRandom(1) });
    });

    const announce = (
      peer: PeerRecord,
      { swarm = SWARM, stopped = false, sample = 50, pick = everything } = {},
    ) => store.announce({ swarm, peer, stopped, sample }, pick);

    it('hands out others and never the peer itself', async () => {
      await announce(peerOf('10.0.0.1'));
      await announce(peerOf('10.0.0.2'));
      const { picked, counts, stored } = await announce(peerOf('10.0.0.1'));
      expect({ hosts: hostsOf(picked), stored }).toEqual({ hosts: ['10.0.0.2'], stored: true });
      expect(counts.downloading).toBe(2);
    });

    it('gives candidates back as they were stored', async () => {
      const peer = peerOf('fd00::1', {
        port: 51_413,
        state: 'complete',
        zone: 'eu-1a',
        rack: 'r7',
        v1: true,
      });
      await announce(peer);
      const { picked } = await announce(peerOf('10.0.0.2'));
      expect(picked).toEqual([{ ...peer, load: 0 }]);
      expect(await store.peers(SWARM, 10)).toContainEqual(peer);
    });

    it('hands no client out to itself at another address', async () => {
      await announce(peerOf('10.0.0.1'));
      const elsewhere = peerOf('fd00::1', { peerId: peerOf('10.0.0.1').peerId });
      expect((await announce(elsewhere)).picked).toEqual([]);
    });

    it('remembers completions when everybody has left', async () => {
      await announce(peerOf('10.0.0.1'));
      await announce(peerOf('10.0.0.1', { state: 'complete' }));
      await announce(peerOf('10.0.0.1'), { stopped: true, sample: 0 });
      expect(await store.counts(SWARM)).toMatchObject({ complete: 0, completions: 1 });
      expect(await store.stats()).toEqual({ swarms: 0, peers: 0 });
      await announce(peerOf('10.0.0.2'));
      expect(await store.counts(SWARM)).toMatchObject({ downloading: 1, completions: 1 });
      expect(await store.stats()).toEqual({ swarms: 1, peers: 1 });
    });

    it('follows a peer whose labels or peer id change, with its load', async () => {
      await announce(peerOf('10.0.0.1', { zone: 'a', rack: 'r' }));
      await announce(peerOf('10.0.0.2'));
      const moved = peerOf('10.0.0.1', { zone: 'b', peerId: Buffer.alloc(20, 9) });
      await announce(moved, { sample: 0 });
      expect(await store.peers(SWARM, 10)).toHaveLength(2);
      expect((await announce(peerOf('10.0.0.2'))).picked).toEqual([{ ...moved, load: 1 }]);
    });

    it('keeps swarms apart', async () => {
      const other = SWARM.replaceAll('0', '9');
      await announce(peerOf('10.0.0.1'), { swarm: other });
      expect((await announce(peerOf('10.0.0.2'))).picked).toEqual([]);
      expect(await store.stats()).toEqual({ swarms: 2, peers: 2 });
    });

    it('has one record for an address, with the marks of both hashes', async () => {
      await announce(peerOf('10.0.0.1', { v1: true, v2: false }));
      await announce(peerOf('10.0.0.1', { v1: false, v2: true, state: 'complete' }));
      const [record, ...others] = await store.peers(SWARM, 10);
      expect(record).toMatchObject({ v1: true, v2: true, state: 'complete' });
      expect(others).toEqual([]);
    });

    it('lets a client that starts again take its own place', async () => {
      await announce(peerOf('10.0.0.1'));
      const again = peerOf('10.0.0.1', { peerId: Buffer.alloc(20, 7) });
      await announce(again);
      expect(await store.peers(SWARM, 10)).toEqual([again]);
    });

    it('counts by state, with origins apart', async () => {
      await announce(peerOf('10.0.0.1'));
      await announce(peerOf('10.0.0.2', { state: 'complete' }));
      await announce(peerOf('10.0.0.3', { state: 'paused' }));
      await announce(peerOf('10.0.0.4', { state: 'complete', kind: 'origin' }));
      const before = { complete: 1, downloading: 1, paused: 1, origins: 1, completions: 0 };
      expect(await store.counts(SWARM)).toEqual(before);
      await announce(peerOf('10.0.0.1', { state: 'complete' }));
      await announce(peerOf('10.0.0.1', { state: 'complete' }));
      const after = { complete: 2, downloading: 0, paused: 1, origins: 1, completions: 1 };
      expect(await store.counts(SWARM)).toEqual(after);
    });

    it('forgets a peer that stops, and only that one', async () => {
      await announce(peerOf('10.0.0.1'));
      await announce(peerOf('10.0.0.2'));
      await announce(peerOf('10.0.0.1'), { stopped: true, sample: 0 });
      await announce(peerOf('10.0.0.9'), { stopped: true, sample: 0 });
      expect(hostsOf(await store.peers(SWARM, 10))).toEqual(['10.0.0.2']);
      expect(await store.stats()).toEqual({ swarms: 1, peers: 1 });
    });

    it('forgets a peer at the moment it expires, wherever one looks', async () => {
      await announce(peerOf('10.0.0.1'));
      const later = { expiresAt: START + 2 * LIFETIME };
      await announce(peerOf('10.0.0.2', later));
      clock.advance(LIFETIME - 1);
      expect((await store.counts(SWARM)).downloading).toBe(2);
      clock.advance(1);
      expect((await store.counts(SWARM)).downloading).toBe(1);
      expect(hostsOf(await store.peers(SWARM, 10))).toEqual(['10.0.0.2']);
      expect(hostsOf((await announce(peerOf('10.0.0.3', later))).picked)).toEqual(['10.0.0.2']);
    });

    it('keeps a peer that announces again in time', async () => {
      await announce(peerOf('10.0.0.1'));
      clock.advance(LIFETIME - 1);
      await announce(peerOf('10.0.0.1', { expiresAt: clock.now() + LIFETIME }));
      clock.advance(LIFETIME - 1);
      expect(hostsOf(await store.peers(SWARM, 10))).toEqual(['10.0.0.1']);
    });

    it('finds swarms that died of age without being asked for them', async () => {
      for (let at = 0; at < 20; at++) {
        await announce(peerOf('10.0.0.1'), { swarm: at.toString(16).padStart(40, '0') });
      }
      clock.advance(LIFETIME);
      const peer = peerOf('10.0.0.2', { expiresAt: clock.now() + LIFETIME });
      for (let turn = 0; turn < 60; turn++) await announce(peer);
      expect(await store.stats()).toEqual({ swarms: 1, peers: 1 });
    });

    it('has right counts again after thousands expired among thousands', async () => {
      for (let at = 0; at < 2500; at++) {
        const expiresAt = START + (at % 2 === 0 ? LIFETIME : 2 * LIFETIME);
        await announce(peerOf(`10.0.${at >> 8}.${at & 255}`, { expiresAt }), { sample: 0 });
      }
      clock.advance(LIFETIME);
      // Leaving peers shuffle the order under a purge that is under way.
      for (let at = 1; at < 40; at += 2) {
        const { picked } = await announce(peerOf(`10.0.0.${at}`), { stopped: true, sample: 10 });
        expect(picked.filter(({ expiresAt }) => expiresAt <= clock.now())).toEqual([]);
      }
      for (let turn = 0; turn < 100; turn++) await store.counts(SWARM);
      expect((await store.counts(SWARM)).downloading).toBe(1230);
      clock.advance(LIFETIME);
      for (let turn = 0; turn < 100; turn++) await store.counts(SWARM);
      expect((await store.counts(SWARM)).downloading).toBe(0);
    });

    it('samples a large swarm: bounded, at random, without repeating itself', async () => {
      for (let at = 0; at < 1000; at++) {
        await announce(peerOf(`10.0.${at >> 8}.${at & 255}`), { sample: 0 });
      }
      const seen = new Set<string>();
      for (let turn = 0; turn < 60; turn++) {
        const { picked } = await announce(peerOf('10.9.9.9'), { sample: 40 });
        expect([picked.length, new Set(hostsOf(picked)).size]).toEqual([40, 40]);
        for (const { host } of picked) seen.add(host);
      }
      // 60 draws of 40 of 1,000 leave about 91 out.
      expect(seen.size).toBeGreaterThan(800);
    });

    it('offers neighbours of the own zone though they are few among many', async () => {
      for (let at = 0; at < 800; at++) {
        const zone = at < 15 ? 'small' : 'large';
        await announce(peerOf(`10.0.${at >> 8}.${at & 255}`, { zone }), { sample: 0 });
      }
      const { picked } = await announce(peerOf('10.9.9.9', { zone: 'small' }), { sample: 40 });
      expect(picked.filter(({ zone }) => zone === 'small').length).toBeGreaterThanOrEqual(15);
      expect(picked.filter(({ zone }) => zone === 'large').length).toBeGreaterThanOrEqual(15);
      expect(picked.length).toBe(40);
    });

    it('always offers origins, a bounded number of them, besides the sample', async () => {
      for (let at = 0; at < MAX_ORIGINS + 5; at++) {
        await announce(peerOf(`10.1.0.${at}`, { kind: 'origin', state: 'complete' }));
      }
      for (let at = 0; at < 100; at++) await announce(peerOf(`10.0.0.${at}`), { sample: 0 });
      const { picked } = await announce(peerOf('10.9.9.9'), { sample: 20 });
      expect(picked.filter(({ kind }) => kind === 'origin').length).toBe(MAX_ORIGINS);
      expect(picked.length).toBe(MAX_ORIGINS + 20);
    });

    it('counts peers that do not listen, and hands them out to nobody', async () => {
      const deaf = (id: number) => peerOf('10.0.0.1', { port: 0, peerId: Buffer.alloc(20, id) });
      await announce(deaf(1));
      await announce(deaf(2));
      const { picked, counts } = await announce(peerOf('10.0.0.2'));
      expect({ picked, downloading: counts.downloading }).toEqual({ picked: [], downloading: 3 });
    });

    it('hands nobody out who does not listen, be it an origin', async () => {
      const deaf = { kind: 'origin' as const, state: 'complete' as const, port: 0 };
      await announce(peerOf('10.0.0.1', deaf));
      const { picked, counts } = await announce(peerOf('10.0.0.2'));
      expect({ picked, origins: counts.origins }).toEqual({ picked: [], origins: 1 });
    });

    it('tells a peer that does not listen of a single neighbour in its zone', async () => {
      await announce(peerOf('10.0.0.1', { zone: 'a' }));
      const { picked } = await announce(peerOf('10.0.0.2', { zone: 'a', port: 0 }));
      expect(hostsOf(picked)).toEqual(['10.0.0.1']);
    });

    it('tells nobody of its own address, though a better record is there', async () => {
      await announce(peerOf('10.0.0.1', { zone: 'a' }));
      await announce(peerOf('10.0.0.2', { zone: 'a' }));
      const refused = { kind: 'stranger' as const, peerId: Buffer.alloc(20, 7), zone: 'a' };
      const { picked, stored } = await announce(peerOf('10.0.0.1', refused));
      expect({ hosts: hostsOf(picked), stored }).toEqual({ hosts: ['10.0.0.2'], stored: false });
    });

    it('remembers how often a peer was handed out, for a while', async () => {
      const loads = (peers: readonly PeerCandidate[]) => peers.map(({ load }) => load);
      const far = { expiresAt: START + 100 * LOAD_HALF_LIFE_MS };
      await announce(peerOf('10.0.0.1', far));
      expect(loads((await announce(peerOf('10.0.0.2', far))).picked)).toEqual([0]);
      await announce(peerOf('10.0.0.2', far));
      // Announcing again does not clear it.
      await announce(peerOf('10.0.0.1', far), { sample: 0 });
      clock.advance(LOAD_HALF_LIFE_MS);
      const pickNone: PickPeers = (candidates) => {
        expect([...candidates.loads.subarray(0, candidates.length)]).toEqual([1]);
      };
      await announce(peerOf('10.0.0.2', far), { pick: pickNone });
      clock.advance(LOAD_HALF_LIFE_MS);
      expect(loads((await announce(peerOf('10.0.0.2', far))).picked)).toEqual([0.5]);
    });

    it('lets nobody push away a peer that proved more', async () => {
      const member = peerOf('10.0.0.1', { state: 'complete' });
      await announce(member);
      const stranger = peerOf('10.0.0.1', { kind: 'stranger', caller: 'token' });
      expect((await announce(stranger)).stored).toBe(false);
      await announce(stranger, { stopped: true });
      expect(await store.peers(SWARM, 10)).toEqual([member]);

      const keyed = peerOf('10.0.0.2', { kind: 'stranger', caller: 'token' });
      await announce(keyed);
      await announce(peerOf('10.0.0.2', { kind: 'stranger', caller: '' }), { stopped: true });
      expect(await store.peers(SWARM, 10)).toContainEqual(keyed);
    });

    it('gives the place of an expired peer to anybody', async () => {
      await announce(peerOf('10.0.0.1'));
      clock.advance(LIFETIME);
      const stranger = { kind: 'stranger' as const, caller: '', expiresAt: clock.now() + LIFETIME };
      expect((await announce(peerOf('10.0.0.1', stranger))).stored).toBe(true);
    });

    it('stores a batch in one call', async () => {
      const batch = ['a', 'b', 'c'].map((digit) => ({
        swarm: digit.repeat(40),
        peer: peerOf('10.0.0.1', { state: 'complete' }),
        stopped: false,
        sample: 0,
      }));
      expect(await store.announceMany(batch)).toBe(3);
      expect(await store.stats()).toEqual({ swarms: 3, peers: 3 });
    });

    it('knows nothing of a swarm that nobody announced', async () => {
      expect(await store.counts(SWARM)).toEqual({
        complete: 0,
        downloading: 0,
        paused: 0,
        origins: 0,
        completions: 0,
      });
      expect(await store.peers(SWARM, 10)).toEqual([]);
    });
  });
}
