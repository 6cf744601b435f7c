import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';
import {
  encodeAnnounceAnswer,
  encodeTrackerFailure,
  parseAnnounceQuery,
  type AnnounceQuery,
} from '#lib/wire';

import type { AnnounceRequest } from './announcer.js';
import { HttpAnnouncer } from './http.announcer.js';
import { MemoryTracker } from './memory.announcer.js';

const REQUEST: AnnounceRequest = {
  event: 'started',
  uploaded: 1,
  downloaded: 2,
  left: 3,
  numWant: 50,
};
const FORM = { compact: true, noPeerId: true, flags: true };
const V1 = Buffer.alloc(20, 1);
const V2 = Buffer.alloc(20, 2);

describe('HttpAnnouncer', () => {
  const servers: Server[] = [];
  const clock = new VirtualClock();

  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function tracker(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce/key/announce`;
  }

  function queryOf(url: string | undefined): AnnounceQuery {
    return parseAnnounceQuery(url!.split('?')[1]!);
  }

  function announcer(tiers: string[][], views: ('v1' | 'v2')[] = ['v2'], timeoutMs = 5000) {
    return new HttpAnnouncer({
      tiers,
      infoHashes: views.map((view) => ({ view, hash: view === 'v1' ? V1 : V2 })),
      peerId: Buffer.alloc(20, 9),
      port: 6881,
      advertise: '10.0.0.1:7000',
      timeoutMs,
      clock,
      random: seededRandom(1),
    });
  }

  const peer = { host: '10.1.1.1', port: 80 };

  it('tells what it was asked to, and hands on peers with what is known of them', async () => {
    const queries: AnnounceQuery[] = [];
    const flags = { v1: true, v2: false, complete: true, member: false, origin: false };
    const url = await tracker((request, response) => {
      queries.push(queryOf(request.url));
      const peers = [{ ...peer, flags }];
      const answer = { type: 'peers' as const, interval: 30, minInterval: 5, complete: 1, peers };
      response.end(encodeAnnounceAnswer({ ...answer, trackerId: 'tid' }, FORM));
    });
    const own = announcer([[url]]);
    expect(await own.announce(REQUEST)).toEqual({
      intervalMs: 30_000,
      minIntervalMs: 5000,
      complete: 1,
      peers: [{ ...peer, hash: 'v1', flags }],
    });
    await own.announce({ ...REQUEST, event: 'none', paused: true });
    expect(queries[0]).toMatchObject({
      infoHash: V2,
      port: 6881,
      uploaded: 1,
      downloaded: 2,
      left: 3,
      numWant: 50,
      event: 'started',
      compact: true,
      fleet: true,
      advertise: '10.0.0.1:7000',
    });
    expect(queries[1]).toMatchObject({ event: 'paused', trackerId: 'tid' });
  });

  it('announces each view by itself, and knows which view the peers speak', async () => {
    const url = await tracker((request, response) => {
      const v1 = queryOf(request.url).infoHash.equals(V1);
      const peers = [{ host: v1 ? '10.0.0.1' : '10.0.0.2', port: 1 }];
      const form = { ...FORM, flags: false };
      response.end(encodeAnnounceAnswer({ type: 'peers', interval: 30, peers }, form));
    });
    const { peers } = await announcer([[url]], ['v2', 'v1']).announce(REQUEST);
    expect(peers).toEqual([
      { host: '10.0.0.2', port: 1, hash: 'v2' },
      { host: '10.0.0.1', port: 1, hash: 'v1' },
    ]);
  });

  it('tries the trackers in order, and stays with the one that answered', async () => {
    const asked: string[] = [];
    const bad = await tracker((_, response) => (asked.push('bad'), response.end('nonsense')));
    const good = await tracker((_, response) => {
      asked.push('good');
      response.end(encodeAnnounceAnswer({ type: 'peers', interval: 0, peers: [] }, FORM));
    });
    const own = announcer([['udp://127.0.0.1:1/announce'], [bad], [good]]);
    // An interval of nothing would be a storm.
    expect(await own.announce(REQUEST)).toMatchObject({ intervalMs: 1000, minIntervalMs: 1000 });
    expect(asked).toEqual(['bad', 'good']);
    const sameTier = announcer([[bad, good]]);
    await sameTier.announce(REQUEST);
    asked.length = 0;
    await sameTier.announce(REQUEST);
    expect(asked).toEqual(['good']);
  });

  it('waits longer with each failure in a row, and not at all after a success', async () => {
    let fails = true;
    const url = await tracker((_, response) => {
      const answer = encodeAnnounceAnswer({ type: 'peers', interval: 30, peers: [] }, FORM);
      response.end(fails ? 'nonsense' : answer);
    });
    const own = announcer([[url]]);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const invalid = { code: 'TRACKER_ANSWER_INVALID' };
      await expect(own.announce(REQUEST)).rejects.toMatchObject(invalid);
      waits.push(own.retryAfterMs());
    }
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(1000 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(2000 * 2 ** index);
    }
    fails = false;
    await own.announce(REQUEST);
    expect(own.retryAfterMs()).toBe(0);
  });

  it('does not ask a tracker before the time that it named', async () => {
    let asked = 0;
    const url = await tracker((_, response) => {
      asked++;
      response.end(encodeTrackerFailure({ type: 'failure', reason: 'later', retryIn: 5 }));
    });
    const own = announcer([[url]]);
    await expect(own.announce(REQUEST)).rejects.toThrow('later');
    expect(own.retryAfterMs()).toBe(300_000);
    const unreachable = { code: 'ORIGIN_UNREACHABLE' };
    await expect(own.announce(REQUEST)).rejects.toMatchObject(unreachable);
    expect(asked).toBe(1);
    clock.advance(300_000);
    await expect(own.announce(REQUEST)).rejects.toThrow('later');
    expect(asked).toBe(2);
  });

  it('gives up on a tracker that said never', async () => {
    const url = await tracker((_, response) => {
      response.end(encodeTrackerFailure({ type: 'failure', reason: 'go', retryIn: 'never' }));
    });
    const own = announcer([[url]]);
    await expect(own.announce(REQUEST)).rejects.toThrow('go');
    expect(own.retryAfterMs()).toBe(Infinity);
  });

  it('says when nobody is there, when there is silence, and when it was aborted', async () => {
    const gone = announcer([['http://127.0.0.1:9/announce?key=secret']]);
    const error = await gone.announce(REQUEST).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
    expect(String(error)).not.toContain('secret');

    const silent = await tracker(() => {});
    const timedOut = { code: 'TIMED_OUT' };
    const hasty = announcer([[silent]], ['v2'], 50);
    await expect(hasty.announce(REQUEST)).rejects.toMatchObject(timedOut);

    const abort = new AbortController();
    const announcing = announcer([[silent]]).announce(REQUEST, abort.signal);
    abort.abort();
    await expect(announcing).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('does not read an endless answer', async () => {
    const url = await tracker((_, response) => {
      const chunk = Buffer.alloc(65_536, 'd');
      const pour = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', pour);
      pour();
    });
    const invalid = { code: 'TRACKER_ANSWER_INVALID' };
    await expect(announcer([[url]]).announce(REQUEST)).rejects.toMatchObject(invalid);
  });
});

describe('MemoryTracker', () => {
  it('hands out the others, to complete peers only those that lack something', async () => {
    const registry = new MemoryTracker({ random: seededRandom(1) });
    const [a, b, c] = [1, 2, 3].map((port) => ({ host: '127.0.0.1', port }));
    const left = (bytes: number) => ({ ...REQUEST, left: bytes });
    await registry.announcer('s', a!).announce(left(0));
    await registry.announcer('s', b!).announce(left(0));
    await registry.announcer('other', b!).announce(left(5));
    const answer = await registry.announcer('s', c!).announce(left(5));
    expect(new Set(answer.peers)).toEqual(new Set([a, b]));
    expect(answer).toMatchObject({ complete: 2, incomplete: 1 });
    expect((await registry.announcer('s', a!).announce(left(0))).peers).toEqual([c]);
    await registry.announcer('s', c!).announce({ ...left(5), event: 'stopped' });
    expect(registry.countOf('s')).toBe(2);
    registry.down = true;
    const down = { code: 'ORIGIN_UNREACHABLE' };
    await expect(registry.announcer('s', a!).announce(left(0))).rejects.toMatchObject(down);
  });
});
