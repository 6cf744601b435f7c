import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { VirtualClock, silentLogger } from '#lib/runtime';

import type { AnnounceAnswer, Announcer } from '../announce/announcer.js';
import { AnnounceLoop } from './announce-loop.js';

const ANSWER: AnnounceAnswer = { intervalMs: 10_000, minIntervalMs: 2000, peers: [] };

/** A tracker that notes what it is told, and fails while it is down. */
class NotingTracker implements Announcer {
  readonly events: string[] = [];
  down = false;

  announce({ event }: { event: string }): Promise<AnnounceAnswer> {
    this.events.push(event);
    if (!this.down) return Promise.resolve(ANSWER);
    return Promise.reject(new FleetseedError('ORIGIN_UNREACHABLE', 'down'));
  }

  retryAfterMs(): number {
    return 5000;
  }
}

function loopOf(tracker: NotingTracker) {
  const clock = new VirtualClock();
  const loop = new AnnounceLoop({
    announcer: tracker,
    clock,
    logger: silentLogger,
    facts: () => ({ uploaded: 0, downloaded: 0, left: 1, numWant: 50 }),
    answered: () => {},
  });
  /** Lets time pass in small steps, so that answers are taken in between. */
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 250) {
      clock.advance(250);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { loop, pass };
}

describe('AnnounceLoop', () => {
  it('announces at the interval that the tracker wants', async () => {
    const tracker = new NotingTracker();
    const { loop, pass } = loopOf(tracker);
    loop.start();
    await pass(25_000);
    expect(tracker.events).toEqual(['started', 'none', 'none']);
    await loop.stop();
    expect(tracker.events.at(-1)).toBe('stopped');
  });

  it('hurries no more than the tracker allows', async () => {
    const tracker = new NotingTracker();
    const { loop, pass } = loopOf(tracker);
    loop.start();
    for (let second = 0; second < 4; second++) {
      await pass(1000);
      loop.hurry();
    }
    await pass(500);
    expect(tracker.events.length).toBe(3);
    await loop.stop();
  });

  it('does not fall over a tracker that is down, however much it is hurried', async () => {
    const tracker = new NotingTracker();
    tracker.down = true;
    const { loop, pass } = loopOf(tracker);
    loop.start();
    for (let step = 0; step < 48; step++) {
      await pass(250);
      loop.hurry();
    }
    expect(tracker.events).toEqual(['started', 'started', 'started']);
    await loop.stop();
    expect(tracker.events).not.toContain('stopped');
  });

  it('tells at once that the download is complete', async () => {
    const tracker = new NotingTracker();
    const { loop, pass } = loopOf(tracker);
    loop.start();
    await pass(1000);
    loop.completed();
    await pass(250);
    expect(tracker.events).toEqual(['started', 'completed']);
    await loop.stop();
  });
});
