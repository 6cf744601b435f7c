import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { redisAddressOf } from '#lib/jobs';
import { silentLogger, systemClock } from '#lib/runtime';
import { RedisServer } from '#test/redis-server';

import { RedisReplicaBus } from './redis.replica-bus.js';
import { describeReplicaBus, Heard } from './replica-bus.conformance.fixture.js';

let server: RedisServer;
const buses: RedisReplicaBus[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => server.stop());

async function open(prefix: string): Promise<RedisReplicaBus> {
  const bus = await RedisReplicaBus.open({
    address: redisAddressOf(server.socketUrl),
    prefix,
    clock: systemClock,
    logger: silentLogger,
    probeMs: 50,
  });
  buses.push(bus);
  return bus;
}

async function openMany(count: number): Promise<RedisReplicaBus[]> {
  const prefix = randomUUID();
  return Promise.all(Array.from({ length: count }, () => open(prefix)));
}

async function becomes(bus: RedisReplicaBus, isUp: boolean): Promise<void> {
  await expect.poll(() => bus.isUp, { timeout: 10_000 }).toBe(isUp);
}

describeReplicaBus('RedisReplicaBus', openMany);

describe('RedisReplicaBus', () => {
  it('keeps fleets apart by their prefix', async () => {
    const [one, other] = [await open(randomUUID()), await open(randomUUID())];
    const heard = new Heard(other, [one]);
    one.publish('ours', other.self);
    one.publish('ours');
    other.publish('own');
    await expect.poll(() => server.command('PING')).toBe('PONG');
    expect(heard.texts).toEqual([]);
  });

  it('tells that Redis is gone and that it is back, and carries texts then', async () => {
    const [one, other] = await openMany(2);
    const heard = new Heard(other!, [one!, other!]);
    const changes: boolean[] = [];
    one!.onChange((up) => changes.push(up));
    await server.kill();
    await becomes(one!, false);
    one!.publish('into the void');
    await server.start();
    await becomes(one!, true);
    await becomes(other!, true);
    one!.publish('again');
    await expect.poll(() => heard.sorted).toEqual(['0:again']);
    expect(changes).toEqual([false, true]);
  });

  it('is down while Redis holds its connections and answers nothing', async () => {
    const [one] = await openMany(1);
    server.pause();
    await becomes(one!, false);
    server.resume();
    await becomes(one!, true);
    expect(one!.isUp).toBe(true);
  });

  it('is not opened with a Redis that is not there, and closes while it is away', async () => {
    const [one] = await openMany(1);
    await server.kill();
    await expect(open('nobody')).rejects.toThrow(/ENOENT|ECONNREFUSED|closed/i);
    await one!.close();
    await server.start();
  });
});
