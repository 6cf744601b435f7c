import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { BanList } from './ban.list.js';
import { DialPolicy } from './dial.policy.js';
import { RateMeter } from './rate.meter.js';
import { isOverdue } from './request.deadline.js';
import { RequestDepth } from './request.depth.js';
import { SendWindow } from './send.window.js';
import { StrangerSlots } from './stranger.slots.js';
import { UploadScheduler } from './upload.scheduler.js';

const KIB = 1024;

describe('UploadScheduler', () => {
  it('serves peers in turn, and each in the order it asked', () => {
    const scheduler = new UploadScheduler<string, number>(3);
    for (const job of [1, 2, 3, 4]) scheduler.accept('a', job);
    for (const job of [5, 6]) scheduler.accept('b', job);
    const served: (number | undefined)[] = [];
    for (let step = 0; step < 3; step++) served.push(scheduler.next()?.job);
    expect(scheduler.next()).toBeNull();
    for (let step = 0; step < 3; step++) {
      scheduler.ended();
      served.push(scheduler.next()?.job);
    }
    expect(served).toEqual([1, 5, 2, 6, 3, 4]);
  });

  it('refuses what exceeds the queue of one peer, without harm to others', () => {
    const scheduler = new UploadScheduler<string, number>(1, 2);
    expect([1, 2, 3].map((job) => scheduler.accept('a', job))).toEqual([true, true, false]);
    expect(scheduler.accept('b', 4)).toBe(true);
  });

  it('takes back what was cancelled, and everything of a peer that left', () => {
    const scheduler = new UploadScheduler<string, number>(4);
    for (const job of [1, 2, 3]) scheduler.accept('a', job);
    scheduler.accept('b', 4);
    expect(scheduler.cancel('a', (job) => job === 2)).toBe(2);
    expect(scheduler.cancel('a', (job) => job === 2)).toBeNull();
    expect(scheduler.drop('a')).toEqual([1, 3]);
    expect(scheduler.next()?.job).toBe(4);
    expect(scheduler.next()).toBeNull();
  });

  it('serves first who has least, and every fourth time whose turn it is', () => {
    const has: Record<string, number> = { rich: 9, poor: 1, middling: 5 };
    const scheduler = new UploadScheduler<string, number>(Infinity, 256, (peer) => has[peer]!);
    for (let job = 0; job < 4; job++) {
      for (const peer of ['rich', 'poor', 'middling']) scheduler.accept(peer, job);
    }
    const served = Array.from({ length: 8 }, () => scheduler.next()!.peer);
    expect(served).toEqual([
      'rich',
      'poor',
      'poor',
      'poor',
      'middling',
      'poor',
      'middling',
      'middling',
    ]);
  });

  it('passes over who may have nothing now, and cuts what is too large', () => {
    const scheduler = new UploadScheduler<string, { bytes: number }>(8);
    for (const peer of ['slow', 'a', 'b']) scheduler.accept(peer, { bytes: 5 });
    let goesOn = true;
    const cutter = {
      cut: (peer: string, job: { bytes: number }) => {
        if (peer === 'slow') return null;
        if (job.bytes <= 2) return job;
        job.bytes -= 2;
        return { bytes: 2 };
      },
      goesOn: () => goesOn,
    };
    const next = () => {
      const turn = scheduler.next(cutter);
      return turn && `${turn.peer}${turn.job.bytes}`;
    };
    expect([next(), next()]).toEqual(['a2', 'a2']);
    goesOn = false;
    expect([next(), next(), next(), next(), next()]).toEqual(['a1', 'b2', 'b2', 'b1', null]);
    expect(scheduler.waiting('slow')).toBe(1);
  });
});

describe('SendWindow', () => {
  it('lets whole jobs through until enough is on its way, and a part only when nothing is', () => {
    const window = new SendWindow();
    const job = 1024 * KIB;
    expect(window.room(job)).toBe(job);
    window.began(job);
    expect(window.room(job)).toBe(job);
    window.began(job);
    expect(window.room(1)).toBe(0);
    expect(new SendWindow().room(4 * job)).toBe(2 * job);
  });

  it('grows with what is taken quickly, and shrinks when nothing is taken', () => {
    const window = new SendWindow();
    for (let turn = 0; turn < 20; turn++) {
      window.began(1024 * KIB);
      window.ended(1024 * KIB, 5);
    }
    expect(window.size).toBe(8 * 1024 * KIB);
    window.began(1024 * KIB);
    window.clogged();
    expect(window.size).toBe(4 * 1024 * KIB);
    expect(window.isSlow).toBe(true);
    for (let turn = 0; turn < 5; turn++) window.clogged();
    expect(window.room(16 * KIB)).toBe(0);
    window.ended(1024 * KIB, 5000);
    expect(window.room(1024 * KIB)).toBe(256 * KIB);
    expect(window.isSlow).toBe(true);
    window.began(256 * KIB);
    window.ended(256 * KIB, 20);
    expect(window.room(1024 * KIB)).toBe(512 * KIB);
    expect(window.isSlow).toBe(false);
  });
});

describe('RequestDepth', () => {
  it('grows with the rate, and never beyond what the peer queues', () => {
    const depth = new RequestDepth(0, 100);
    expect(depth.blocks(0)).toBe(32);
    for (let now = 1; now <= 1000; now++) depth.delivered(KIB / 2, now);
    expect(depth.blocks(1000)).toBeGreaterThan(80);
    expect(depth.blocks(1000)).toBeLessThan(100);
    for (let now = 1001; now <= 3000; now++) depth.delivered(100 * KIB, now);
    expect(depth.blocks(3000)).toBe(100);
    expect(depth.spans(1024 * KIB, 3000)).toBeGreaterThan(20);
  });

  it('lets a stranger with a lag of half a second come up to speed', () => {
    const depth = new RequestDepth(0, 500, true);
    const seconds: number[] = [];
    for (let now = 500; now <= 5000; now += 500) {
      const bytes = depth.spans(64 * KIB, now - 500) * 64 * KIB;
      seconds.push(bytes * 2);
      depth.delivered(bytes, now);
    }
    expect(seconds.at(-1)).toBeGreaterThan(8 * 1024 * KIB);
  });

  it('obeys a peer that queues hardly anything', () => {
    expect(new RequestDepth(0, 1).blocks(0)).toBe(1);
  });
});

describe('isOverdue', () => {
  const debt = { oldestAt: 0, lastBytesAt: 0, outstandingBytes: 1024 * KIB, rate: 0 };

  it('is patient for 4 s at least, and longer with a slow peer that delivers', () => {
    expect(isOverdue(debt, 3999)).toBe(false);
    expect(isOverdue(debt, 4001)).toBe(true);
    const slow = { ...debt, rate: 512 * KIB, lastBytesAt: 1000 };
    expect(isOverdue(slow, 8000)).toBe(false);
    expect(isOverdue(slow, 9500)).toBe(true);
  });

  it('gives one that was quick and fell silent no more time the longer it is silent', () => {
    const depth = new RequestDepth(0);
    for (let now = 100; now <= 5000; now += 100) depth.delivered(1024 * KIB, now);
    const owes = { oldestAt: 4900, lastBytesAt: 5000, outstandingBytes: 2048 * KIB };
    expect(depth.rate(9000)).toBeLessThan(depth.lastRate / 3);
    expect(isOverdue({ ...owes, rate: depth.lastRate }, 9001)).toBe(true);
  });

  it('is not fooled by a trickle', () => {
    expect(isOverdue({ ...debt, lastBytesAt: 21_000 }, 21_001)).toBe(true);
  });
});

describe('RateMeter', () => {
  it('tells the rate from the first second on, and forgets', () => {
    const meter = new RateMeter(0);
    for (let now = 100; now <= 1000; now += 100) meter.add(10 * KIB, now);
    expect(meter.rate(1000) / KIB).toBeGreaterThan(90);
    expect(meter.rate(1000) / KIB).toBeLessThan(125);
    expect(meter.rate(30_000)).toBeLessThan(KIB);
  });
});

describe('DialPolicy', () => {
  const policyOf = (wanted: number) =>
    new DialPolicy<number>(
      { keyOf: String, isPreferred: (address) => address === 100 },
      { wanted, random: seededRandom(3) },
    );

  it('dials until there are neighbours enough, each address once', () => {
    const policy = policyOf(4);
    policy.found([1, 2, 3, 4, 5, 6, 2, 3], 0);
    const dialled = [policy.next(1, 0), policy.next(1, 0), policy.next(1, 0)];
    expect(new Set(dialled).size).toBe(3);
    expect(policy.next(1, 0)).toBeNull();
    policy.connected(dialled[0]!, 0);
    policy.ended(dialled[1]!, 0);
    expect(policy.next(2, 0)).not.toBeNull();
  });

  it('dials an origin first', () => {
    const policy = policyOf(4);
    policy.found([1, 2, 3, 100, 4, 5], 0);
    expect(policy.next(0, 0)).toBe(100);
  });

  it('backs off from an address that fails, longer each time', () => {
    const policy = policyOf(4);
    policy.found([1], 0);
    expect(policy.next(0, 0)).toBe(1);
    policy.ended(1, 0);
    expect(policy.next(0, 400)).toBeNull();
    expect(policy.next(0, 1000)).toBe(1);
    policy.ended(1, 1000);
    expect(policy.next(0, 1900)).toBeNull();
    expect(policy.next(0, 3000)).toBe(1);
    policy.connected(1, 3100);
    policy.ended(1, 3200);
    expect(policy.next(0, 5000)).toBeNull();
    expect(policy.next(0, 8000)).toBe(1);
    policy.connected(1, 8000);
    policy.ended(1, 60_000);
    expect(policy.next(0, 61_000)).toBe(1);
    policy.ended(1, 61_000, Infinity);
    expect(policy.next(0, 1e12)).toBeNull();
  });
});

describe('BanList', () => {
  const subject = (host: string, port: number) => ({ host, peer: `${host}:${port}` });

  it('bans at once or by adding up, for ten minutes', () => {
    const bans = new BanList();
    const [one, other] = [subject('10.0.0.1', 1), subject('10.0.0.2', 1)];
    bans.ban(one, 0);
    expect(bans.isBanned(one, 599_999)).toBe(true);
    expect(bans.isBanned(one, 600_001)).toBe(false);
    expect([0, 1, 2].map((now) => bans.offend(other, now))).toEqual([false, false, true]);
    expect(bans.isBanned(other, 3)).toBe(true);
    expect(bans.count(3)).toBe(2);
  });

  it('leaves the neighbours of a banned peer alone, until too many of them are banned', () => {
    const bans = new BanList();
    for (let port = 1; port <= 7; port++) bans.ban(subject('10.0.0.1', port), 0);
    expect(bans.isBanned(subject('10.0.0.1', 99), 1)).toBe(false);
    bans.ban(subject('10.0.0.1', 8), 0);
    expect(bans.isBanned(subject('10.0.0.1', 99), 1)).toBe(true);
    expect(bans.isBanned(subject('10.0.0.2', 99), 1)).toBe(false);
  });
});

describe('StrangerSlots', () => {
  it('serves a few in turn', () => {
    const slots = new StrangerSlots<string>(2);
    for (const peer of ['a', 'b', 'c']) slots.interested(peer);
    expect(slots.turn(0)).toEqual([
      { peer: 'a', unchoke: true },
      { peer: 'b', unchoke: true },
    ]);
    expect(slots.turn(5000)).toEqual([]);
    expect(slots.turn(10_000)).toEqual([
      { peer: 'a', unchoke: false },
      { peer: 'c', unchoke: true },
      { peer: 'b', unchoke: false },
      { peer: 'a', unchoke: true },
    ]);
    expect(slots.leave('c')).toBe(true);
    expect(slots.turn(10_001)).toEqual([{ peer: 'b', unchoke: true }]);
  });
});
