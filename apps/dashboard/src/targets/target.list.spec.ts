import { describe, expect, it } from 'vitest';

import type { Target, TargetApp } from '#lib/contracts';

import { countFleet, filterTargets, orderTargets } from './target.list.js';

function appOf(facts: Partial<TargetApp>): TargetApp {
  return {
    app: 'web',
    channel: 'stable',
    wanted: '2.0.0',
    current: '1.0.0',
    previous: null,
    phase: 'ACTIVE',
    artifact: null,
    progress: 1,
    bytesPerSecond: 0,
    error: null,
    ...facts,
  };
}

function targetOf(hostname: string, facts: Partial<Target> = {}): Target {
  return {
    target: hostname.padEnd(40, '0'),
    hostname,
    labels: {},
    agentVersion: '0.1.0',
    joinedAt: 0,
    lastSeenAt: 0,
    online: true,
    freeBytes: null,
    apps: [],
    ...facts,
  };
}

const FLEET = [
  targetOf('host-10', { labels: { rack: 'r1' }, apps: [appOf({})] }),
  targetOf('host-2', { labels: { rack: 'r2' }, online: false }),
  targetOf('host-3', {
    labels: { rack: 'r1' },
    apps: [appOf({ phase: 'FAILED', error: { code: 'DISK_FULL', detail: '' } })],
  }),
];
const hosts = (targets: readonly Target[]) => targets.map((each) => each.hostname);

describe('the list of targets', () => {
  it('is filtered by every word, wherever it stands', () => {
    expect(hosts(filterTargets(FLEET, ''))).toHaveLength(3);
    expect(hosts(filterTargets(FLEET, 'rack=r1'))).toEqual(['host-10', 'host-3']);
    expect(hosts(filterTargets(FLEET, ' rack=r1  disk_full '))).toEqual(['host-3']);
    expect(hosts(filterTargets(FLEET, 'offline'))).toEqual(['host-2']);
    expect(hosts(filterTargets(FLEET, 'online web@2.0.0'))).toEqual(['host-10', 'host-3']);
    expect(filterTargets(FLEET, 'nothing')).toEqual([]);
  });

  it('begins with those in trouble, and counts numbers as numbers', () => {
    expect(hosts(orderTargets([...FLEET, targetOf('host-9')]))).toEqual([
      'host-3',
      'host-2',
      'host-9',
      'host-10',
    ]);
  });

  it('is counted by state and phase', () => {
    expect(countFleet(FLEET)).toEqual({ online: 2, offline: 1, failed: 1, staging: 0, active: 1 });
  });
});
