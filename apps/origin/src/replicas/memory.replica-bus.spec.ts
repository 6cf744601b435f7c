import { describe, expect, it } from 'vitest';

import { BusExchange, MemoryReplicaBus } from './memory.replica-bus.js';
import { describeReplicaBus, Heard } from './replica-bus.conformance.fixture.js';

describeReplicaBus('MemoryReplicaBus', async (count) => {
  const exchange = new BusExchange();
  return Array.from({ length: count }, () => new MemoryReplicaBus(exchange));
});

describe('MemoryReplicaBus', () => {
  it('has nobody else on it unless an exchange is shared', async () => {
    const [one, other] = [new MemoryReplicaBus(), new MemoryReplicaBus()];
    const heard = new Heard(other, [one]);
    one.publish('anybody?');
    await Promise.resolve();
    expect(heard.texts).toEqual([]);
    expect(one.isUp).toBe(true);
  });

  it('carries nothing while it is cut off, and tells when that begins and ends', async () => {
    const exchange = new BusExchange();
    const [one, other] = [new MemoryReplicaBus(exchange), new MemoryReplicaBus(exchange)];
    const heard = new Heard(other, [one]);
    const changes: boolean[] = [];
    other.onChange((isUp) => changes.push(isUp));
    other.set(false);
    one.publish('lost');
    await Promise.resolve();
    other.set(true);
    one.publish('heard');
    await expect.poll(() => heard.sorted).toEqual(['0:heard']);
    expect(changes).toEqual([false, true]);
  });
});
