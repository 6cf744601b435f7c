import { describe, expect, it } from 'vitest';

import { Presence } from './presence.js';

const duplicate = expect.objectContaining({ code: 'DUPLICATE_IDENTITY' });

describe('Presence', () => {
  it('refuses a second instance while the first one asked less than 15 s ago', () => {
    const presence = new Presence();
    presence.seen('t', 'one', 0);
    expect(() => presence.seen('t', 'two', 14_999)).toThrow(duplicate);
    presence.seen('t', 'two', 15_000);
    expect(() => presence.seen('t', 'one', 15_001)).toThrow(duplicate);
  });

  it('refuses a second instance as long as the stream of the first is open', () => {
    const presence = new Presence();
    const close = presence.streamOpened('t', 'one', 0);
    expect(() => presence.seen('t', 'two', 3_600_000)).toThrow(duplicate);
    close(3_600_000);
    presence.seen('t', 'two', 3_600_000);
  });

  it('lets an agent that was killed start again at once, and refuses what is left of the old one', () => {
    const presence = new Presence();
    const killed = presence.streamOpened('t', 'one', 0);
    presence.seen('t', 'one', 999);
    killed(1000);
    const close = presence.streamOpened('t', 'two', 1001);
    expect(() => presence.seen('t', 'one', 1002)).toThrow(duplicate);
    close(1003);
  });

  it('refuses a second instance while the first goes on asking after its stream broke', () => {
    const presence = new Presence();
    presence.streamOpened('t', 'one', 0)(1000);
    presence.seen('t', 'one', 2000);
    expect(() => presence.seen('t', 'two', 16_999)).toThrow(duplicate);
  });

  it('shows a target whose stream broke as there for 15 s', () => {
    const presence = new Presence();
    presence.streamOpened('t', 'one', 0)(1000);
    expect(presence.isOnline('t', 15_999)).toBe(true);
    expect(presence.isOnline('t', 16_000)).toBe(false);
  });

  it('lets the same instance have several streams and renew its session', () => {
    const presence = new Presence();
    const first = presence.streamOpened('t', 'one', 0);
    const second = presence.streamOpened('t', 'one', 1);
    first(2);
    first(3);
    presence.seen('t', 'one', 20_000);
    expect(presence.isOnline('t', 1_000_000)).toBe(true);
    second(1_000_000);
    expect(presence.isOnline('t', 1_015_000)).toBe(false);
    expect(presence.lastSeenAt('t')).toBe(1_000_000);
  });

  it('knows until when an instance has a session', () => {
    const presence = new Presence();
    presence.seen('t', 'one', 0, 900);
    presence.seen('t', 'one', 10, 1900);
    presence.seen('t', 'one', 20, 900);
    expect(presence.hasSession('t', 'one', 1899)).toBe(true);
    expect(presence.hasSession('t', 'one', 1900)).toBe(false);
    expect(presence.hasSession('t', 'two', 0)).toBe(false);
  });

  it('is not confused by a stream that ends after another instance took over', () => {
    const presence = new Presence();
    presence.seen('t', 'one', 0);
    const late = presence.streamOpened('t', 'one', 0);
    presence.forget('t');
    const now = presence.streamOpened('t', 'two', 20_000);
    late(20_001);
    expect(presence.isOnline('t', 90_000)).toBe(true);
    now(90_000);
    expect(presence.onlineCount(200_000)).toBe(0);
  });
});
