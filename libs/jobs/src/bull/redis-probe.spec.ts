import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RedisServer } from '../redis-server.fixture.js';
import { redisAddressOf } from './redis-address.js';
import { probeRedis, unfitness } from './redis-probe.js';

const OPTIONS = { setting: 'redisUrl', prefix: 'test' };
const PASSWORD = 'a secret/with:all#kinds';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({ password: PASSWORD });
});
afterAll(() => server.stop());

async function refusal(url: string): Promise<string> {
  const error: unknown = await probeRedis(url, OPTIONS).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', facts: { key: 'redisUrl' } });
  const { message } = error as Error;
  expect(message).toContain('FLEETSEED_REDIS_URL');
  return message;
}

describe('the probe of a Redis', () => {
  it('lets a good one pass and leaves nothing there', async () => {
    await probeRedis(server.url, OPTIONS);
    await server.command('PEXPIRE', 'test:probe', '0');
    expect(await server.command('DBSIZE')).toBe('0');
  });

  it('names the setting for a wrong password, or none, and shows no secret', async () => {
    for (const password of ['wrong-guess', '']) {
      const message = await refusal(server.urlWith(password));
      expect(message).toContain('refuses the user or password');
      expect(message).not.toContain('wrong-guess');
    }
  });

  it('names the setting when nobody is there, or nobody answers', async () => {
    expect(await refusal('redis://127.0.0.1:1/0')).toContain('ECONNREFUSED');
    server.pause();
    try {
      const hung = probeRedis(server.url, { ...OPTIONS, timeoutMs: 300 });
      await expect(hung).rejects.toThrow('does not answer');
    } finally {
      server.resume();
    }
  });

  it('refuses one that evicts', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await refusal(server.url)).toContain('maxmemory-policy allkeys-lru');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  it('refuses one that takes no writes', async () => {
    await server.command('REPLICAOF', '127.0.0.1', '1');
    expect(await refusal(server.url)).toContain('read-only');
    await server.command('REPLICAOF', 'NO', 'ONE');
  });

  it('refuses a database that is not there', async () => {
    expect(await refusal(server.url.replace(/0$/, '999'))).toContain('out of range');
  });

  it.each(['5.0.14', '6.0.9', ''])('refuses version %j', (version) => {
    expect(unfitness(reportOf(version))).toContain('at least 6.2');
  });

  it.each(['6.2.0', '7.0.15', '10.0.1'])('takes version %s', (version) => {
    expect(unfitness(reportOf(version))).toBeNull();
  });
});

function reportOf(version: string): string {
  return `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:noeviction\r\n`;
}

describe('a Redis URL', () => {
  it('says host, port, database, user and password', () => {
    expect(redisAddressOf('redis://me:p%40ss@cache.example:6380/3')).toEqual({
      options: { host: 'cache.example', port: 6380, db: 3, username: 'me', password: 'p@ss' },
      shown: 'redis://cache.example:6380/3',
    });
    expect(redisAddressOf('rediss://[::1]').options).toMatchObject({
      host: '::1',
      port: 6379,
      tls: { servername: '::1' },
    });
    expect(redisAddressOf('unix:///run/redis.sock?db=2').options).toEqual({
      path: '/run/redis.sock',
      db: 2,
    });
  });

  it.each(['', 'cache:6379', 'http://cache', 'redis:///1', 'redis://cache/x', 'unix:'])(
    'is not %j',
    (text) => {
      expect(() => redisAddressOf(text)).toThrow('A Redis URL is');
    },
  );
});
