import { describe, expect, it } from 'vitest';

import { Presence } from './presence.js';

const seen = { instance: 'one', streams: 1, lastSeenAt: 1000, sessionEndsAt: 900_000 };

describe('Presence of targets that are at other replicas', () => {
  it('shows them as there while a stream is open anywhere, and for 15 s after the last sign', () => {
    const presence = new Presence();
    presence.elsewhere.heard('t', 'r1', seen);
    expect(presence.isOnline('t', 1_000_000)).toBe(true);
    expect(presence.onlineCount(1_000_000)).toBe(1);
    presence.elsewhere.heard('t', 'r1', { ...seen, streams: 0, lastSeenAt: 5000 });
    expect(presence.isOnline('t', 19_999)).toBe(true);
    expect(presence.isOnline('t', 20_000)).toBe(false);
    expect(presence.lastSeenAt('t')).toBe(5000);
    presence.seen('t', 'one', 30_000);
    expect(presence.lastSeenAt('t')).toBe(30_000);
  });

  it('ends the streams of a replica that has ended, and remembers when it saw a target last', () => {
    const presence = new Presence();
    presence.elsewhere.heard('t', 'r1', seen);
    presence.elsewhere.heard('t', 'r2', { ...seen, lastSeenAt: 2000 });
    presence.elsewhere.replicaGone('r2');
    presence.elsewhere.replicaGone('r1');
    expect(presence.isOnline('t', 100_000)).toBe(false);
    expect(presence.lastSeenAt('t')).toBe(2000);
  });

  it('does not count streams that a replica tells of after it has ended', () => {
    const presence = new Presence();
    presence.elsewhere.heard('t', 'r1', seen);
    presence.elsewhere.replicaGone('r1');
    presence.elsewhere.heardOfGone('t', { ...seen, lastSeenAt: 3000 });
    expect(presence.isOnline('t', 17_999)).toBe(true);
    expect(presence.isOnline('t', 18_000)).toBe(false);
    presence.elsewhere.heardOfGone('other', seen);
    expect(presence.lastSeenAt('other')).toBe(1000);
  });

  it('knows of a session that was renewed at another replica', () => {
    const presence = new Presence();
    presence.seen('t', 'one', 0, 1000);
    expect(presence.hasSession('t', 'one', 1000)).toBe(false);
    presence.elsewhere.heard('t', 'r1', seen);
    expect(presence.hasSession('t', 'one', 1000)).toBe(true);
    expect(presence.hasSession('t', 'two', 1000)).toBe(false);
  });
});
