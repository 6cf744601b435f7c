import { describe, expect, it } from 'vitest';

import { AnnouncedHosts } from './announced.hosts.js';

describe('AnnouncedHosts', () => {
  it('knows a host in its swarm for as long as its announce counts', () => {
    const hosts = new AnnouncedHosts();
    hosts.note('s', '10.0.0.1', 100, 0);
    hosts.note('s', '10.0.0.1', 200, 50);
    expect(hosts.has('s', '10.0.0.1', 199)).toBe(true);
    expect(hosts.has('s', '10.0.0.1', 200)).toBe(false);
    expect(hosts.has('other', '10.0.0.1', 0)).toBe(false);
  });

  it('says what is news: new hosts, and those that would soon be forgotten', () => {
    const hosts = new AnnouncedHosts();
    expect(hosts.note('s', '10.0.0.1', 100, 0)).toBe(true);
    expect(hosts.note('s', '10.0.0.1', 120, 20)).toBe(false);
    expect(hosts.note('s', '10.0.0.1', 200, 90)).toBe(true);
    expect(hosts.note('other', '10.0.0.1', 200, 90)).toBe(true);
  });

  it('forgets what is over', () => {
    const hosts = new AnnouncedHosts();
    hosts.note('s', '10.0.0.1', 100, 0);
    hosts.note('s', '10.0.0.2', 300, 0);
    for (let nth = 0; nth < 10_000; nth++) hosts.note('other', '10.0.0.1', 500, 200);
    expect(hosts.has('s', '10.0.0.1', 0)).toBe(false);
    expect(hosts.has('s', '10.0.0.2', 200)).toBe(true);
  });
});
