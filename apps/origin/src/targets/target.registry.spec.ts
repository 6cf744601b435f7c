import { describe, expect, it } from 'vitest';

import { MemoryDepot } from '#lib/depot';

import { TargetRegistry } from './target.registry.js';

const TARGET = 'ab'.repeat(20);
const request = {
  publicKey: 'k'.repeat(43),
  hostname: 'web-1',
  labels: { zone: 'a' },
  agentVersion: '1.0',
};

describe('TargetRegistry', () => {
  it('remembers who joined over a restart, and the first join counts', async () => {
    const depot = await MemoryDepot.open();
    const registry = new TargetRegistry(depot);
    await registry.join(TARGET, request, 'join-1', 1000);
    await registry.join(TARGET, { ...request, hostname: 'other' }, 'join-2', 2000);
    const again = new TargetRegistry(depot);
    await again.load();
    expect(again.all()).toEqual([
      { v: 1, target: TARGET, ...request, joinedAt: 1000, joinedWith: 'join-1' },
    ]);
  });

  it('writes changed facts down, also against another writer', async () => {
    const depot = await MemoryDepot.open();
    const one = new TargetRegistry(depot);
    await one.join(TARGET, request, 'join-1', 1000);
    const two = new TargetRegistry(depot);
    await two.load();
    await one.update(TARGET, { hostname: 'web-1', labels: { zone: 'b' }, agentVersion: '1.1' });
    await two.update(TARGET, { hostname: 'web-1', labels: { zone: 'c' }, agentVersion: '1.1' });
    expect(await new TargetRegistry(depot).get(TARGET)).toMatchObject({
      labels: { zone: 'c' },
      agentVersion: '1.1',
      joinedAt: 1000,
    });
  });

  it('finds who joined through another replica, and nobody who was removed', async () => {
    const depot = await MemoryDepot.open();
    const [one, two] = [new TargetRegistry(depot), new TargetRegistry(depot)];
    await one.join(TARGET, request, 'join-1', 1000);
    expect(await two.find(TARGET)).not.toBeNull();
    await two.remove(TARGET);
    await expect(two.get(TARGET)).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});
