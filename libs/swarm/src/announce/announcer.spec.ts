import { afterEach, describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';
import { encodeAnnounceAnswer, encodeTrackerFailure, type AnnounceQuery } from '#lib/wire';

import { announcerOf, describeAnnouncing, REQUEST } from './announcer.conformance.fixture.js';
import { FORM, HTTP_TRACKER, queryOf, serveHttp } from './http.tracker.fixture.js';
import { MemoryTracker } from './memory.announcer.js';
import { UDP_TRACKER } from './udp.tracker.fixture.js';

describeAnnouncing(HTTP_TRACKER);
describeAnnouncing(UDP_TRACKER);

describe('an HTTP tracker', () => {
  const opened: { close(): Promise<void> }[] = [];
  const clock = new VirtualClock();

  afterEach(() => Promise.all(opened.splice(0).map((tracker) => tracker.close())));

  async function tracker(listener: Parameters<typeof serveHttp>[0]): Promise<string> {
    const server = await serveHttp(listener);
    opened.push(server);
    return server.url;
  }

  it('is told what only our own understands, and what it says of peers is handed on', async () => {
    const queries: AnnounceQuery[] = [];
    const peer = { host: '10.1.1.1', port: 80 };
    const flags = { v1: true, v2: false, complete: true, member: false, origin: false };
    const url = await tracker((request, response) => {
      queries.push(queryOf(request.url));
      const peers = [{ ...peer, flags }];
      const answer = { type: 'peers' as const, interval: 30, minInterval: 5, complete: 1, peers };
      response.end(encodeAnnounceAnswer({ ...answer, trackerId: 'tid' }, FORM));
    });
    const own = announcerOf([[url]]);
    expect(await own.announce(REQUEST)).toEqual({
      intervalMs: 30_000,
      minIntervalMs: 5000,
      complete: 1,
      peers: [{ ...peer, hash: 'v1', flags }],
    });
    await own.announce({ ...REQUEST, event: 'none' });
    const facts = { compact: true, fleet: true, advertise: '10.0.0.1:7000' };
    expect(queries[0]).toMatchObject(facts);
    expect(queries[1]).toMatchObject({ trackerId: 'tid' });
  });

  it('does not ask a tracker before the time that it named', async () => {
    let asked = 0;
    const url = await tracker((_, response) => {
      asked++;
      response.end(encodeTrackerFailure({ type: 'failure', reason: 'later', retryIn: 5 }));
    });
    const own = announcerOf([[url]], { clock });
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
    const own = announcerOf([[url]], { clock });
    await expect(own.announce(REQUEST)).rejects.toThrow('go');
    expect(own.retryAfterMs()).toBe(Infinity);
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
    await expect(announcerOf([[url]], { clock }).announce(REQUEST)).rejects.toMatchObject(invalid);
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
