import { afterEach, describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';
import type { AnnounceAnswer, AnnounceEvent, TrackerFailure } from '#lib/wire';

import type { AnnounceRequest } from './announcer.js';
import { TrackerAnnouncer } from './tracker.announcer.js';

export const REQUEST: AnnounceRequest = {
  event: 'started',
  uploaded: 1,
  downloaded: 2,
  left: 3,
  numWant: 50,
};
export const V1 = Buffer.alloc(20, 1);
export const V2 = Buffer.alloc(20, 2);

/** What a tracker of a test was told, over whichever protocol. */
export interface Heard {
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number | null;
  readonly event: AnnounceEvent;
  readonly numWant: number | null;
}

/** What it is to do: answer, send bytes that make no sense, or nothing at all (null). */
export type Reaction = AnnounceAnswer | TrackerFailure | 'nonsense' | null;

export interface TestTracker {
  readonly url: string;
  close(): Promise<void>;
}

export interface TrackerKind {
  readonly name: string;
  /** A tracker on loopback that reacts to each announce as told. */
  open(react: (heard: Heard) => Reaction): Promise<TestTracker>;
  /** Of a tracker that is not there. */
  readonly nobody: string;
}

export function answer(more: Partial<AnnounceAnswer> = {}): AnnounceAnswer {
  return { type: 'peers', interval: 30, complete: 0, incomplete: 0, peers: [], ...more };
}

export interface MakeOptions {
  readonly views?: readonly ('v1' | 'v2')[];
  readonly timeoutMs?: number;
  readonly clock?: VirtualClock;
}

export function announcerOf(tiers: string[][], options: MakeOptions = {}): TrackerAnnouncer {
  const { views = ['v2'], timeoutMs = 5000, clock = new VirtualClock() } = options;
  return new TrackerAnnouncer({
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

/** What every way to announce has to do. */
export function describeAnnouncing(kind: TrackerKind): void {
  describe(`announcing over ${kind.name}`, () => {
    const opened: TestTracker[] = [];

    afterEach(() => Promise.all(opened.splice(0).map((tracker) => tracker.close())));

    async function open(react: (heard: Heard) => Reaction): Promise<string> {
      const tracker = await kind.open(react);
      opened.push(tracker);
      return tracker.url;
    }

    it('tells what it was asked to, and hands on the answer', async () => {
      const heard: Heard[] = [];
      const peers = [{ host: '10.1.1.1', port: 80 }];
      const url = await open((told) => {
        heard.push(told);
        return answer({ complete: 1, incomplete: 2, peers });
      });
      const own = announcerOf([[url]]);
      expect(await own.announce(REQUEST)).toMatchObject({
        intervalMs: 30_000,
        complete: 1,
        incomplete: 2,
        peers: [{ host: '10.1.1.1', port: 80, hash: 'v2' }],
      });
      await own.announce({ ...REQUEST, event: 'none', paused: true });
      await own.announce({ ...REQUEST, event: 'completed', left: 0 });
      expect(heard[0]).toMatchObject({
        infoHash: V2,
        peerId: Buffer.alloc(20, 9),
        port: 6881,
        uploaded: 1,
        downloaded: 2,
        left: 3,
        numWant: 50,
        event: 'started',
      });
      expect(heard.slice(1).map(({ event }) => event)).toEqual(['paused', 'completed']);
    });

    it('announces each view by itself, and knows which view the peers speak', async () => {
      const url = await open(({ infoHash }) => {
        const host = infoHash.equals(V1) ? '10.0.0.1' : '10.0.0.2';
        return answer({ peers: [{ host, port: 1 }] });
      });
      const { peers } = await announcerOf([[url]], { views: ['v2', 'v1'] }).announce(REQUEST);
      expect(peers).toEqual([
        { host: '10.0.0.2', port: 1, hash: 'v2' },
        { host: '10.0.0.1', port: 1, hash: 'v1' },
      ]);
    });

    it('tries the trackers in order, and stays with the one that answered', async () => {
      const asked: string[] = [];
      const bad = await open(() => (asked.push('bad'), 'nonsense'));
      const good = await open(() => (asked.push('good'), answer({ interval: 0 })));
      const own = announcerOf([['wss://127.0.0.1:1/announce'], [bad], [good]]);
      // An interval of nothing would be a storm.
      expect(await own.announce(REQUEST)).toMatchObject({ intervalMs: 1000, minIntervalMs: 1000 });
      expect(asked).toEqual(['bad', 'good']);
      const sameTier = announcerOf([[bad, good]]);
      await sameTier.announce(REQUEST);
      asked.length = 0;
      await sameTier.announce(REQUEST);
      expect(asked).toEqual(['good']);
    });

    it('waits longer with each failure in a row, and not at all after a success', async () => {
      let fails = true;
      const url = await open(() => (fails ? 'nonsense' : answer()));
      const own = announcerOf([[url]]);
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

    it('says why it was refused', async () => {
      const url = await open(() => ({ type: 'failure', reason: 'not you' }));
      const refused = { code: 'TRACKER_ANSWER_INVALID', facts: { reason: 'not you' } };
      await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(refused);
    });

    it('says when nobody is there, when there is silence, and when it was aborted', async () => {
      const gone = announcerOf([[`${kind.nobody}/announce?key=secret`]]);
      const error = await gone.announce(REQUEST).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
      expect(String(error)).not.toContain('secret');

      const silent = await open(() => null);
      const timedOut = { code: 'TIMED_OUT' };
      const hasty = announcerOf([[silent]], { timeoutMs: 50 });
      await expect(hasty.announce(REQUEST)).rejects.toMatchObject(timedOut);

      const abort = new AbortController();
      const announcing = announcerOf([[silent]]).announce(REQUEST, abort.signal);
      abort.abort();
      await expect(announcing).rejects.toMatchObject({ code: 'ABORTED' });
    });
  });
}
