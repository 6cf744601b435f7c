import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodeUdpAnswer,
  encodeUdpRequest,
  type AddressFamily,
  type UdpAnnounce,
  type UdpAnswer,
} from '#lib/wire';

import {
  MEMBER_KEY,
  ORIGIN,
  OTHER,
  STRANGER_KEY,
  SWARM,
  UNKNOWN,
  V1,
  V2,
  requestFrom,
  trackerOf,
} from '../tracker.fixture.js';
import { ConnectionIds } from './connection-ids.js';
import { TrackerUdp } from './tracker-udp.js';

const REMOTE = { address: '10.0.0.1', port: 5000 };
const MEMBER_URL = `/announce/${MEMBER_KEY}/announce`;
const TRANSACTION = 0xdead_beef;

type Setup = Parameters<typeof trackerOf>;

function udpOf(access: Setup[0], change: Setup[1] = {}, maxPending?: number) {
  const { tracker, clock } = trackerOf(access, change);
  const ids = new ConnectionIds(Buffer.alloc(32, 7), clock);
  const udp = new TrackerUdp({
    tracker,
    ids,
    ...(maxPending === undefined ? {} : { maxPending }),
  });
  return { udp, tracker, clock, ids };
}

function announceFrom(udp: TrackerUdp, change: Partial<UdpAnnounce> = {}, remote = REMOTE): Buffer {
  return encodeUdpRequest({
    action: 'announce',
    connectionId: connect(udp, remote),
    transactionId: TRANSACTION,
    infoHash: V2,
    peerId: Buffer.from('-LT2080-000000000000'),
    downloaded: 0,
    left: 100,
    uploaded: 0,
    event: 'started',
    ip: 0,
    key: 1,
    numWant: null,
    port: 6881,
    urlData: '',
    ...change,
  });
}

function connect(udp: TrackerUdp, remote = REMOTE): Buffer {
  const bytes = udp.handle(encodeUdpRequest({ action: 'connect', transactionId: 1 }), remote);
  const answer = decodeUdpAnswer(bytes as Buffer, 4);
  if (answer.action !== 'connect') throw new Error(answer.action);
  return answer.connectionId;
}

function scrapeFrom(udp: TrackerUdp, infoHashes: readonly Buffer[]): Buffer {
  const head = { action: 'scrape', transactionId: TRANSACTION } as const;
  return encodeUdpRequest({ ...head, connectionId: connect(udp), infoHashes });
}

async function told(
  udp: TrackerUdp,
  datagram: Buffer,
  remote = REMOTE,
  family: AddressFamily = 4,
): Promise<UdpAnswer | null> {
  const bytes = await udp.handle(datagram, remote);
  return bytes && decodeUdpAnswer(bytes, family);
}

const error = (message: string) => ({
  action: 'error',
  transactionId: TRANSACTION,
  message: expect.stringContaining(message) as string,
});

describe('an announce over UDP', () => {
  it('sends everybody elsewhere while it is away, also who needs no key', async () => {
    const { tracker, ids } = udpOf('open');
    let reason: string | null = null;
    const udp = new TrackerUdp({ tracker, ids, away: () => reason });
    expect(await told(udp, announceFrom(udp))).toMatchObject({ action: 'announce' });
    reason = 'come back to another one';
    expect(await told(udp, announceFrom(udp))).toEqual(error(reason));
    expect(await told(udp, scrapeFrom(udp, [V2]))).toEqual(error(reason));
  });

  it('brings peers together that have a key', async () => {
    const { udp } = udpOf('closed');
    const first = await told(udp, announceFrom(udp, { urlData: MEMBER_URL }));
    expect(first).toMatchObject({ action: 'announce', transactionId: TRANSACTION, peers: [] });
    const remote = { address: '10.0.0.2', port: 6000 };
    const urlData = `/announce/${STRANGER_KEY}/announce?more=1`;
    const peerId = Buffer.from('-LT2080-000000000002');
    const second = await told(udp, announceFrom(udp, { urlData, peerId }, remote), remote);
    expect(second).toMatchObject({ incomplete: 2, peers: [{ host: '10.0.0.1', port: 6881 }] });
  });

  it('counts from the address of its socket, whatever the packet says, and can end', async () => {
    const { udp, tracker } = udpOf('closed');
    const announce = { urlData: MEMBER_URL, ip: 0x01020304 };
    await told(udp, announceFrom(udp, announce));
    expect(await tracker.peersOf(SWARM, 10)).toMatchObject([{ host: '10.0.0.1', port: 6881 }]);
    await told(udp, announceFrom(udp, { ...announce, event: 'stopped' }));
    expect(await tracker.peersOf(SWARM, 10)).toEqual([]);
  });

  it('tells IPv6 peers over IPv6, and IPv4 peers to who comes by IPv4 to a socket of both', async () => {
    const { udp, tracker } = udpOf('known');
    await tracker.announce(requestFrom('10.0.0.5'), ORIGIN);
    await tracker.announce(requestFrom('fd00::5'), ORIGIN);
    const v6 = { address: 'fd00::1', port: 5000 };
    const mapped = { address: '::ffff:10.0.0.1', port: 5000 };
    expect(await told(udp, announceFrom(udp, {}, v6), v6, 6)).toMatchObject({
      peers: [{ host: 'fd00::5' }],
    });
    expect(await told(udp, announceFrom(udp, {}, mapped), mapped, 4)).toMatchObject({
      peers: [{ host: '10.0.0.5' }],
    });
  });

  it('is answered in one datagram that is not cut up', async () => {
    const { udp, tracker } = udpOf('known', { handOut: { maxWant: 5000, defaultWant: 5000 } });
    for (let at = 1; at <= 600; at++) {
      const host = at % 2 ? `fd00::${at.toString(16)}` : `10.0.${at >> 8}.${at & 255}`;
      await tracker.announce(requestFrom(host), { ...ORIGIN, kind: 'member' });
    }
    const v6 = { address: 'fd00:1::1', port: 5000 };
    for (const numWant of [null, 5000]) {
      expect((await udp.handle(announceFrom(udp, { numWant }), REMOTE))!.length).toBeLessThan(1473);
      const overV6 = await udp.handle(announceFrom(udp, { numWant }, v6), v6);
      expect(overV6!.length).toBeLessThan(1233);
    }
  });
});

describe('URL data (BEP 41)', () => {
  const outcome = async (access: Setup[0], options: Buffer, infoHash: Buffer = V2) => {
    const { udp } = udpOf(access);
    const answer = await told(udp, Buffer.concat([announceFrom(udp, { infoHash }), options]));
    return answer?.action === 'error' ? answer.message : answer?.action;
  };
  const option = (text: string) =>
    Buffer.concat([Buffer.from([2, text.length]), Buffer.from(text, 'latin1')]);

  it('is joined when it is split, among padding, up to the end', async () => {
    const parts = [MEMBER_URL.slice(0, 7), MEMBER_URL.slice(7, 12), MEMBER_URL.slice(12)];
    const split = parts.flatMap((part) => [Buffer.from([1]), option(part)]);
    expect(await outcome('closed', Buffer.concat(split))).toBe('announce');
    const behindEnd = Buffer.concat([option(MEMBER_URL), Buffer.from([0]), option('x')]);
    expect(await outcome('closed', behindEnd)).toBe('announce');
  });

  it('that is cut off gives no key that counts', async () => {
    const cut = option(MEMBER_URL).subarray(0, 20);
    expect(await outcome('closed', cut)).toContain('TRACKER_KEY_INVALID');
  });

  it.each<[Setup[0], string, Buffer, string]>([
    ['closed', '', V2, 'torrent get'],
    ['closed', '/announce', V2, 'TRACKER_KEY_INVALID'],
    ['closed', '/announce/wrong/announce', V2, 'TRACKER_KEY_INVALID'],
    ['closed', '/announce/%e9/announce', V2, 'TRACKER_KEY_INVALID'],
    ['closed', `/announce/${STRANGER_KEY}/announce`, OTHER, 'TRACKER_KEY_INVALID'],
    ['closed', `/announce/${STRANGER_KEY}/announce`, V1, 'announce'],
    ['closed', MEMBER_URL, UNKNOWN, 'INFO_HASH_UNKNOWN'],
    ['known', '', V2, 'announce'],
    ['known', '/', V1, 'announce'],
    ['known', '/announce/wrong/announce', V2, 'TRACKER_KEY_INVALID'],
    ['known', '/announce', UNKNOWN, 'INFO_HASH_UNKNOWN'],
    ['known', '/stats', V2, 'NOT_FOUND'],
    ['known', '/scrape', V2, 'NOT_FOUND'],
    ['open', '/announce', UNKNOWN, 'announce'],
  ])('on a %s tracker: "%s" for %o is %s', async (access, url, infoHash, expected) => {
    expect(await outcome(access, option(url), infoHash)).toContain(expected);
  });
});

describe('who has no proof of his address', () => {
  it('is refused with a forged id, an old one and that of another', async () => {
    const { udp, clock } = udpOf('open');
    const refused = error('Bad or old connection id');
    const forged = announceFrom(udp, { connectionId: Buffer.alloc(8) });
    expect(await told(udp, forged)).toEqual(refused);
    const own = announceFrom(udp);
    expect(await told(udp, own, { address: '10.0.0.2', port: 5000 })).toEqual(refused);
    expect(await told(udp, own, { address: '10.0.0.1', port: 5001 })).toEqual(refused);
    clock.advance(120_000);
    expect(await told(udp, own)).toMatchObject({ action: 'announce' });
    clock.advance(1000);
    expect(await told(udp, own)).toEqual(refused);
  });

  it('is never sent more than he sent', () => {
    const { udp } = udpOf('open');
    const bytes = fc.uint8Array({ minLength: 12, maxLength: 200 }).map((raw) => Buffer.from(raw));
    fc.assert(
      fc.property(bytes, fc.nat(4), fc.boolean(), (datagram, action, magic) => {
        if (magic) Buffer.from('0000041727101980', 'hex').copy(datagram);
        datagram.writeUInt32BE(action, 8);
        const answer = udp.handle(datagram, REMOTE);
        expect(answer).not.toBeInstanceOf(Promise);
        expect((answer as Buffer | null)?.length ?? 0).toBeLessThanOrEqual(datagram.length);
      }),
      { numRuns: 1000 },
    );
    const shortest = scrapeFrom(udp, [V2]).fill(0, 0, 8);
    expect((udp.handle(shortest, REMOTE) as Buffer).length).toBeLessThanOrEqual(shortest.length);
  });
});

describe('what is met with silence', () => {
  it.each<[string, (whole: Buffer) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['an announce cut off', (whole) => whole.subarray(0, 97)],
    ['an unknown action', (whole) => (whole.writeUInt32BE(9, 8), whole)],
    ['an answer', (whole) => (whole.writeUInt32BE(3, 8), whole)],
    ['a connect without the magic', (whole) => whole.fill(0, 0, 12).subarray(0, 16)],
    ['an unknown event', (whole) => (whole.writeUInt32BE(77, 80), whole)],
    ['half a hash in a scrape', (whole) => (whole.writeUInt32BE(2, 8), whole.subarray(0, 46))],
    ['more than a request can be', (whole) => Buffer.concat([whole, Buffer.alloc(2048)])],
  ])('%s', (_what, change) => {
    const { udp } = udpOf('open');
    expect(udp.handle(change(announceFrom(udp)), REMOTE)).toBeNull();
  });

  it('who cannot be answered', () => {
    const { udp } = udpOf('open');
    const connectRequest = encodeUdpRequest({ action: 'connect', transactionId: 1 });
    expect(udp.handle(connectRequest, { ...REMOTE, port: 0 })).toBeNull();
  });

  it('more than can be under way, until that is done', async () => {
    const gate = Promise.withResolvers<null>();
    const { udp } = udpOf('known', { registry: { lookup: () => gate.promise } }, 2);
    const announce = announceFrom(udp);
    const waiting = [told(udp, announce), told(udp, announce)];
    expect(udp.handle(announce, REMOTE)).toBeNull();
    gate.resolve(null);
    expect(await Promise.all(waiting)).toEqual([
      error('INFO_HASH_UNKNOWN'),
      error('INFO_HASH_UNKNOWN'),
    ]);
    expect(await told(udp, announce)).toEqual(error('INFO_HASH_UNKNOWN'));
  });
});

describe('a scrape over UDP', () => {
  it('counts every torrent in its place, nothing for those that are not known', async () => {
    const { udp, tracker } = udpOf('known');
    await tracker.announce(requestFrom('10.0.0.5', { left: 0 }), ORIGIN);
    await tracker.announce(requestFrom('10.0.0.6'), ORIGIN);
    await tracker.announce(requestFrom('10.0.0.7', { infoHash: OTHER, left: 0 }), ORIGIN);
    const swarm = (complete: number) => ({ complete, downloaded: 0, incomplete: 0 });
    expect(await told(udp, scrapeFrom(udp, [UNKNOWN, V1, OTHER]))).toEqual({
      action: 'scrape',
      transactionId: TRANSACTION,
      swarms: [swarm(0), swarm(2), swarm(1)],
    });
  });

  it('is refused where a key is wanted, saying where it can be had', async () => {
    const { udp } = udpOf('closed');
    const answer = await told(udp, scrapeFrom(udp, [V2]));
    expect(answer).toEqual(error('scrape over HTTP. (TRACKER_KEY_INVALID)'));
  });
});

it('faults of its own are hidden', async () => {
  const registry = { lookup: () => Promise.reject(new Error('secret detail')) };
  const { udp } = udpOf('known', { registry });
  const answer = await told(udp, announceFrom(udp));
  expect(answer).toMatchObject({ action: 'error', message: 'The tracker failed; try again.' });
});
