import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';
import { encodeUdpAnswer, type UdpAnnounce, type UdpAnswer } from '#lib/wire';

import { announcerOf, REQUEST } from './announcer.conformance.fixture.js';
import {
  CONNECTION_ID,
  connected,
  UdpTestTracker,
  whenConnected,
  type UdpReaction,
} from './udp.tracker.fixture.js';

function peersOf({ transactionId }: UdpAnnounce, host = '10.1.1.1'): UdpAnswer {
  const peers = [{ host, port: 80 }];
  return { action: 'announce', transactionId, interval: 30, complete: 1, incomplete: 0, peers };
}

describe('a UDP tracker', () => {
  const opened: UdpTestTracker[] = [];

  afterEach(() => Promise.all(opened.splice(0).map((tracker) => tracker.close())));

  async function open(react: UdpReaction, host?: string): Promise<UdpTestTracker> {
    const tracker = await UdpTestTracker.open(react, host);
    opened.push(tracker);
    return tracker;
  }

  const actions = ({ requests }: UdpTestTracker) => requests.map(({ action }) => action);

  it('is shown path and query of its URL, and the id that it gave (BEP 41)', async () => {
    const tracker = await open(whenConnected((announce) => peersOf(announce)));
    await announcerOf([[`${tracker.url}?a=b%20c`]]).announce(REQUEST);
    expect(tracker.requests[1]).toMatchObject({
      connectionId: CONNECTION_ID,
      urlData: '/announce/key/announce?a=b%20c',
      ip: 0,
    });
  });

  it('is asked for an id once a minute, always from the same port', async () => {
    const clock = new VirtualClock();
    const tracker = await open(whenConnected((announce) => peersOf(announce)));
    const own = announcerOf([[tracker.url]], { clock });
    await own.announce(REQUEST);
    clock.advance(59_000);
    await own.announce(REQUEST);
    expect(actions(tracker)).toEqual(['connect', 'announce', 'announce']);
    expect(new Set(tracker.senders.map(({ port }) => port)).size).toBe(1);
    clock.advance(2000);
    await own.announce(REQUEST);
    expect(actions(tracker).slice(3)).toEqual(['connect', 'announce']);
  });

  it('is asked again after 1 and 2 seconds, and given up after 7', async () => {
    const clock = new VirtualClock();
    const tracker = await open(() => null);
    const asked = async (count: number) => {
      await expect.poll(() => tracker.requests.length).toBe(count);
    };
    const announcing = announcerOf([[tracker.url]], { clock }).announce(REQUEST);
    const failing = announcing.catch((error: unknown) => error);
    await asked(1);
    clock.advance(1000);
    await asked(2);
    clock.advance(2000);
    await asked(3);
    const ids = new Set(tracker.requests.map(({ transactionId }) => transactionId));
    expect(ids.size).toBe(1);
    clock.advance(4000);
    expect(await failing).toMatchObject({ code: 'TIMED_OUT' });
    expect(tracker.requests.length).toBe(3);
  });

  it('that lost an answer, or is slow with it, is not asked in vain', async () => {
    const clock = new VirtualClock();
    let heard = 0;
    const tracker = await open(
      whenConnected((announce) => (heard++ === 0 ? null : peersOf(announce))),
    );
    const announcing = announcerOf([[tracker.url]], { clock }).announce(REQUEST);
    await expect.poll(() => heard).toBe(1);
    clock.advance(1000);
    expect((await announcing).peers).toHaveLength(1);
  });

  it('that was started anew gives a new id, whether it refuses the old one or is silent', async () => {
    for (const silent of [true, false]) {
      const clock = new VirtualClock();
      let restarted = false;
      const tracker = await open((request) => {
        if (request.action === 'connect') {
          const connectionId = Buffer.alloc(8, restarted ? 1 : 2);
          return { ...connected(request), connectionId } as UdpAnswer;
        }
        const { connectionId, transactionId } = request as UdpAnnounce;
        if (!restarted || connectionId[0] === 1) return peersOf(request as UdpAnnounce);
        return silent ? null : { action: 'error', transactionId, message: 'old id' };
      });
      const own = announcerOf([[tracker.url]], { clock });
      await own.announce(REQUEST);
      restarted = true;
      const announcing = own.announce(REQUEST);
      await expect.poll(() => tracker.requests.length).toBeGreaterThan(2);
      clock.advance(1000);
      expect((await announcing).peers).toHaveLength(1);
      expect(actions(tracker).slice(2)).toEqual(['announce', 'connect', 'announce']);
    }
  });

  it('is believed alone: not others, nor what answers no question of ours', async () => {
    const stranger = createSocket('udp4');
    const tracker = await open((request, from) => {
      if (request.action === 'connect') return connected(request);
      const forged = peersOf(request as UdpAnnounce, '6.6.6.6');
      stranger.send(encodeUdpAnswer(forged, 4), from.port, from.address, () => {
        const wrong = (request.transactionId ^ 1) >>> 0;
        tracker.send({ ...forged, transactionId: wrong }, from);
        tracker.send({ ...connected(request) }, from);
        tracker.send(Buffer.alloc(3), from);
        tracker.send(peersOf(request as UdpAnnounce), from);
      });
      return null;
    });
    const { peers } = await announcerOf([[tracker.url]]).announce(REQUEST);
    expect(peers).toMatchObject([{ host: '10.1.1.1' }]);
    stranger.close();
    await once(stranger, 'close');
  });

  it('over IPv6 tells IPv6 peers', async () => {
    const tracker = await open(
      whenConnected((announce) => peersOf(announce, 'fd00::9')),
      '::1',
    );
    const { peers } = await announcerOf([[tracker.url]]).announce(REQUEST);
    expect(peers).toEqual([{ host: 'fd00::9', port: 80, hash: 'v2' }]);
  });

  it('is found by its name', async () => {
    const tracker = await open(whenConnected((announce) => peersOf(announce)));
    const named = tracker.url.replace('127.0.0.1', 'localhost');
    expect((await announcerOf([[named]]).announce(REQUEST)).peers).toHaveLength(1);
  });

  it('stands in tiers beside HTTP ones', async () => {
    const tracker = await open(whenConnected((announce) => peersOf(announce)));
    const tiers = [['http://127.0.0.1:9/announce'], ['udp://127.0.0.1:9'], [tracker.url]];
    expect((await announcerOf(tiers).announce(REQUEST)).peers).toHaveLength(1);
  });

  it('without a port is no tracker', async () => {
    const invalid = { code: 'TRACKER_ANSWER_INVALID' };
    await expect(announcerOf([['udp://tracker/announce']]).announce(REQUEST)).rejects.toMatchObject(
      invalid,
    );
  });
});
