import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { seededRandom, VirtualClock } from '#lib/runtime';
import { buildAnnounceUrl, decodeUdpAnswer, encodeUdpRequest, type UdpAnnounce } from '#lib/wire';

import type { FoundSwarm, TrackerAccess, TrackerCaller } from './access/tracker-access.js';
import { TrackerHttp } from './http/tracker-http.js';
import { MemoryPeerStore } from './store/memory.peer-store.js';
import type { PeerStore } from './store/peer-store.js';
import { OTHER, SWARM, UNKNOWN, V1, V2 } from './tracker.fixture.js';
import { Tracker } from './tracker.js';
import { ConnectionIds } from './udp/connection-ids.js';
import { TrackerUdp } from './udp/tracker-udp.js';

const HASHES = [V1, V2, OTHER, UNKNOWN];
const LONG = 'z'.repeat(70);
const CALLERS: Readonly<Record<string, TrackerCaller>> = {
  a: { id: 'web-1', kind: 'member', zone: 'one', rack: 'r1' },
  b: { id: 'web-2', kind: 'member', zone: LONG, rack: '' },
  s: { id: 'token-1', kind: 'stranger', zone: '', rack: '' },
};
const invalid = () => new FleetseedError('TRACKER_KEY_INVALID', 'The key is not valid.');

function lookup(infoHash: Buffer): FoundSwarm | null {
  if (infoHash.equals(V1)) return { swarm: SWARM, hash: 'v1' };
  if (infoHash.equals(V2)) return { swarm: SWARM, hash: 'v2' };
  return infoHash.equals(OTHER) ? { swarm: V2.toString('hex'), hash: 'v1-only' } : null;
}

/**
 * The same tracker on the quick way and, with `slow`, on the long one only.
 * @param lookedUp keys that need not be looked up any more; without it none has to be
 */
function udpOf(access: TrackerAccess, slow: boolean, lookedUp?: Set<string>) {
  const clock = new VirtualClock(1_000_000);
  const random = seededRandom(7);
  const memory = new MemoryPeerStore({ clock, random });
  Object.defineProperty(memory, 'epoch', { value: 'epoch' });
  const store: PeerStore = slow ? longWayOnly(memory) : memory;
  const known = new Map(Object.entries(CALLERS));
  const callerOf = (key: string) => {
    const caller = known.get(key);
    if (!caller) throw invalid();
    return caller;
  };
  const tracker = new Tracker({
    access,
    registry: { lookup },
    authorize: async (key) => {
      lookedUp?.add(key);
      return callerOf(key);
    },
    recognize: (key) => {
      callerOf(key);
      return { callerNow: () => (lookedUp?.has(key) === false ? null : callerOf(key)) };
    },
    store,
    clock,
    random,
    strangerWarning: 'members only — and a dash',
  });
  const udp = new TrackerUdp({ tracker, ids: new ConnectionIds(Buffer.alloc(32, 7), clock) });
  return { udp, http: new TrackerHttp(tracker), tracker, clock, known };
}

function longWayOnly(store: PeerStore): PeerStore {
  return {
    epoch: store.epoch,
    announce: (announce, pick) => store.announce(announce, pick),
    announceMany: (announces) => store.announceMany(announces),
    counts: (swarm) => store.counts(swarm),
    peers: (swarm, limit) => store.peers(swarm, limit),
    stats: () => store.stats(),
  };
}

type OverUdp = Pick<Step, 'host' | 'hash' | 'path' | 'left' | 'event' | 'numWant'>;

interface Step {
  readonly host: number;
  readonly hash: number;
  readonly path: string;
  readonly left: number;
  readonly event: UdpAnnounce['event'];
  readonly numWant: number | null;
  readonly pauseMs: number;
  /** Of announces over HTTP. */
  readonly compact: boolean;
  readonly fleet: boolean;
  readonly advertise: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  host: fc.nat(12),
  hash: fc.nat(HASHES.length - 1),
  path: fc.constantFrom('', '/', '/announce', '/announce?x', '/stats', ...keyedPaths()),
  left: fc.constantFrom(0, 1, 2 ** 40),
  event: fc.constantFrom('none', 'started', 'completed', 'stopped', 'paused'),
  numWant: fc.constantFrom(null, 0, 3, 500),
  pauseMs: fc.constantFrom(0, 1000, 700_000),
  compact: fc.boolean(),
  fleet: fc.boolean(),
  advertise: fc.constantFrom('', '10.1.1.1:7000', '[fd00::99]:7000', 'nowhere'),
});

function keyedPaths(): string[] {
  const keys = [...Object.keys(CALLERS), 'wrong', '', '%61', 'a/b', 'x'.repeat(230)];
  return keys.flatMap((key) => [`/announce/${key}/announce`, `/announce/${key}/announce?more`]);
}

async function answerTo(udp: TrackerUdp, { host, hash, ...rest }: OverUdp) {
  const remote = { address: host > 9 ? `fd00::${host}` : `10.0.0.${host}`, port: 5000 };
  const connect = encodeUdpRequest({ action: 'connect', transactionId: 1 });
  const connected = decodeUdpAnswer((await udp.handle(connect, remote))!, 4);
  if (connected.action !== 'connect') throw new Error(connected.action);
  const datagram = encodeUdpRequest({
    action: 'announce',
    connectionId: connected.connectionId,
    transactionId: 2,
    infoHash: HASHES[hash]!,
    peerId: Buffer.alloc(20, host),
    downloaded: 0,
    left: rest.left,
    uploaded: 0,
    event: rest.event,
    ip: 0,
    key: 0,
    numWant: rest.numWant,
    port: 6881,
    urlData: rest.path,
  });
  const answer = udp.handle(datagram, remote);
  return { atOnce: !(answer instanceof Promise), bytes: (await answer)?.toString('hex') };
}

async function httpAnswerTo(http: TrackerHttp, made: Step): Promise<string> {
  const { host, hash, path, left, event, numWant, compact, fleet, advertise } = made;
  const url = buildAnnounceUrl(path, {
    infoHash: HASHES[hash]!,
    peerId: Buffer.alloc(20, host),
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left,
    event,
    numWant,
    compact,
    noPeerId: true,
    fleet,
    ...(advertise === '' ? {} : { advertise }),
  });
  const [pathname = '', ...query] = url.split('?');
  const remoteAddress = host > 9 ? `fd00::${host}` : `10.0.0.${host}`;
  const { body } = await http.handle({ path: pathname, rawQuery: query.join('?'), remoteAddress });
  return body.toString('hex');
}

describe('an announce on the quick way', () => {
  it.each<TrackerAccess>(['closed', 'known', 'open'])(
    'is answered on a %s tracker as on the long one, byte for byte',
    async (access) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const [quick, slow] = [udpOf(access, false), udpOf(access, true)];
          for (const { pauseMs, ...each } of steps) {
            quick.clock.advance(pauseMs);
            slow.clock.advance(pauseMs);
            const told = await answerTo(quick.udp, each);
            expect(told.bytes).toBe((await answerTo(slow.udp, each)).bytes);
          }
          expect(quick.tracker.totals).toEqual(slow.tracker.totals);
        }),
      );
    },
  );

  it.each<TrackerAccess>(['closed', 'known', 'open'])(
    'is answered over HTTP on a %s tracker as on the long one, byte for byte',
    async (access) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const [quick, slow] = [udpOf(access, false), udpOf(access, true)];
          for (const each of steps) {
            quick.clock.advance(each.pauseMs);
            slow.clock.advance(each.pauseMs);
            const told = await httpAnswerTo(quick.http, each);
            expect(told).toBe(await httpAnswerTo(slow.http, each));
          }
          expect(quick.tracker.totals).toEqual(slow.tracker.totals);
        }),
      );
    },
  );

  const plain: Omit<OverUdp, 'path'> = {
    host: 1,
    hash: 1,
    left: 1,
    event: 'none',
    numWant: null,
  };
  const keyed = { ...plain, path: '/announce/a/announce' };

  it('waits for nothing when it comes with a key, also for the first time', async () => {
    const { udp } = udpOf('closed', false);
    expect((await answerTo(udp, keyed)).atOnce).toBe(true);
    expect((await answerTo(udp, { ...keyed, event: 'completed' })).atOnce).toBe(true);
  });

  it('is on it again as soon as its key was looked up, and counts once', async () => {
    const { udp, tracker } = udpOf('closed', false, new Set());
    const { bytes, atOnce } = await answerTo(udp, keyed);
    expect([atOnce, tracker.quick!.announces, tracker.totals.announces]).toEqual([false, 1, 1]);
    const slow = udpOf('closed', true);
    expect(bytes).toBe((await answerTo(slow.udp, keyed)).bytes);
  });

  it('is refused from the moment on at which its key is not good any more', async () => {
    const { udp, known } = udpOf('closed', false);
    await answerTo(udp, keyed);
    known.delete('a');
    const { bytes } = await answerTo(udp, keyed);
    expect(decodeUdpAnswer(Buffer.from(bytes!, 'hex'), 4)).toMatchObject({
      action: 'error',
      message: expect.stringContaining('TRACKER_KEY_INVALID') as string,
    });
  });
});
