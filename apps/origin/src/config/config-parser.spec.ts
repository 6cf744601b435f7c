import { describe, expect, it } from 'vitest';

import { flagOf, variableOf } from '#lib/contracts';

import { checkConfig, configHelp, parseConfig } from './config-parser.js';
import { OriginConfigSchema } from './origin-config.schema.js';

describe('configuration of the origin', () => {
  it('has defaults that start on an empty machine', () => {
    expect(parseConfig([], {})).toMatchObject({
      data: 'fleetseed-data',
      listen: '127.0.0.1:7070',
      peerAccess: 'members',
      trackerAccess: 'closed',
      copyBudget: 1.2,
      roles: ['api', 'tracker', 'seed', 'work'],
      insecureHttp: false,
    });
  });

  it('reads flags and variables, and a flag beats its variable', () => {
    const environment = { FLEETSEED_LISTEN: '127.0.0.1:1', FLEETSEED_COPY_BUDGET: '3' };
    const config = parseConfig(
      ['--listen', '127.0.0.1:2', '--roles=work,api,tracker'],
      environment,
    );
    expect(config).toMatchObject({
      listen: '127.0.0.1:2',
      copyBudget: 3,
      roles: ['api', 'tracker', 'work'],
    });
  });

  it('takes an empty variable as unset', () => {
    expect(parseConfig([], { FLEETSEED_PEER_ACCESS: '' }).peerAccess).toBe('members');
  });

  it('refuses the variable of a key that is gone, and names what took its place', () => {
    for (const FLEETSEED_SEEDING of ['off', 'on']) {
      expect(() => parseConfig([], { FLEETSEED_SEEDING })).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringMatching(/FLEETSEED_SEEDING.*FLEETSEED_ROLES/),
        }),
      );
    }
    expect(parseConfig([], { FLEETSEED_SEEDING: '' }).roles).toContain('seed');
  });

  it('leaves variables alone that others of one environment take', () => {
    const environment = {
      FLEETSEED_TOKEN_FILE: 'token',
      FLEETSEED_KEEP_RELEASES: '3',
      FLEETSEED_DEBUG: '1',
      // What Kubernetes tells of a Service.
      FLEETSEED_PORT: 'tcp://10.0.0.1:7070',
      FLEETSEED_ORIGIN_SERVICE_HOST: '10.0.0.1',
    };
    expect(parseConfig([], environment)).toEqual(parseConfig([], {}));
  });

  it('refuses a value by a key that is none', () => {
    expect(() => checkConfig({ seeding: 'off' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', facts: { key: 'seeding' } }),
    );
  });

  it('names the key of a bad value', () => {
    expect(() => parseConfig([], { FLEETSEED_PEER_ACCESS: 'all' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('FLEETSEED_PEER_ACCESS'),
      }),
    );
    expect(() => parseConfig(['--listen', 'localhost:70'], {})).toThrow(/--listen/);
    expect(() => parseConfig(['--listen', '127.0.0.1:70000'], {})).toThrow(/--listen/);
    expect(() => parseConfig(['--nonsense'], {})).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });

  it('refuses plain HTTP off loopback unless told so', () => {
    const refused = expect.objectContaining({ code: 'INSECURE_HTTP_REFUSED', exit: 2 });
    expect(() => parseConfig(['--listen', '0.0.0.0:7070'], {})).toThrow(refused);
    expect(() => parseConfig(['--listen', '[::]:7070'], {})).toThrow(refused);
    expect(parseConfig(['--listen', '0.0.0.0:7070', '--insecure-http'], {}).insecureHttp).toBe(
      true,
    );
    expect(parseConfig(['--listen', '[::1]:7070'], {}).listen).toBe('[::1]:7070');
  });

  it('takes a bucket for its depot', () => {
    const environment = {
      FLEETSEED_S3_BUCKET: 'fleet-depot',
      FLEETSEED_S3_ENDPOINT: 'https://s3.example:9000/',
      FLEETSEED_S3_PREFIX: 'eu/fleet/',
      FLEETSEED_S3_PATH_STYLE: 'off',
    };
    expect(parseConfig([], environment)).toMatchObject({
      s3Bucket: 'fleet-depot',
      s3Endpoint: 'https://s3.example:9000',
      s3Prefix: 'eu/fleet',
      s3PathStyle: false,
      s3Checksums: true,
    });
    expect(parseConfig([], {}).s3Bucket).toBeUndefined();
  });

  it.each([
    [{ s3Endpoint: 'https://s3.example' }, /FLEETSEED_S3_BUCKET.*--s3-endpoint/],
    [{ s3Prefix: 'x' }, /FLEETSEED_S3_BUCKET/],
    [{ s3Bucket: 'UPPER' }, /FLEETSEED_S3_BUCKET/],
    [{ s3Bucket: 'depot', s3Endpoint: 's3.example' }, /FLEETSEED_S3_ENDPOINT/],
    [{ s3Bucket: 'depot', s3Endpoint: 'https://s3.example/depot' }, /FLEETSEED_S3_ENDPOINT/],
    [{ s3Bucket: 'depot', s3Endpoint: 'https://key@s3.example' }, /FLEETSEED_S3_ENDPOINT/],
    [{ s3Bucket: 'depot', s3Prefix: '../x' }, /FLEETSEED_S3_PREFIX/],
    [{ s3Bucket: 'depot', s3Prefix: 'a//b' }, /FLEETSEED_S3_PREFIX/],
    [{ s3Bucket: 'depot', s3Region: 'a b' }, /FLEETSEED_S3_REGION/],
    [{ s3Bucket: 'depot', s3PathStyle: 'maybe' }, /FLEETSEED_S3_PATH_STYLE/],
    [{ s3Bucket: 'depot', s3TimeoutSeconds: '0' }, /FLEETSEED_S3_TIMEOUT_SECONDS/],
    [{ s3Bucket: 'depot', s3Endpoint: 'http://s3.example' }, /FLEETSEED_S3_ENDPOINT.*network/],
    [{ s3Bucket: 'depot', s3Endpoint: 'http://127.0.0.1.example' }, /FLEETSEED_S3_ENDPOINT/],
  ])('names the key of a bad setting of a bucket: %j', (given, text) => {
    expect(() => checkConfig(given)).toThrow(text);
  });

  it('speaks plain HTTP to a store on loopback, and elsewhere when told to', () => {
    for (const s3Endpoint of ['http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]']) {
      expect(checkConfig({ s3Bucket: 'depot', s3Endpoint }).s3Endpoint).toBe(s3Endpoint);
    }
    const told = { s3Bucket: 'depot', s3Endpoint: 'http://s3.example', s3InsecureHttp: 'on' };
    expect(checkConfig(told).s3InsecureHttp).toBe(true);
  });

  it('takes any roles where replicas meet in a bucket and in Redis', () => {
    const together = { s3Bucket: 'depot', redisUrl: 'redis://127.0.0.1' };
    expect(checkConfig({ ...together, roles: 'work' }).roles).toEqual(['work']);
    expect(checkConfig({ ...together, roles: ' tracker , api' }).roles).toEqual(['api', 'tracker']);
  });

  it.each([
    [{ roles: 'api,web' }, /FLEETSEED_ROLES.*must be some of api, tracker, seed, work/],
    [{ roles: '' }, /FLEETSEED_ROLES/],
    [{ roles: 'api,tracker,seed' }, /FLEETSEED_ROLES.*without FLEETSEED_S3_BUCKET .*role work/],
    [{ roles: 'tracker,seed,work' }, /FLEETSEED_ROLES.*without FLEETSEED_S3_BUCKET .*role api/],
    [{ roles: 'api,work', s3Bucket: 'depot' }, /without FLEETSEED_REDIS_URL .*role tracker/],
    [{ roles: 'api', redisUrl: 'redis://127.0.0.1' }, /without FLEETSEED_S3_BUCKET/],
  ])('refuses roles that leave something undone: %j', (given, text) => {
    expect(() => checkConfig(given)).toThrow(text);
  });

  it('lets one process alone seed or not', () => {
    expect(checkConfig({ roles: 'api,tracker,work' }).roles).not.toContain('seed');
  });

  it('wants a certificate and its key together', () => {
    expect(() => checkConfig({ tlsCert: 'c.pem' })).toThrow(/FLEETSEED_TLS_KEY/);
    expect(() => checkConfig({ tlsKey: 'k.pem' })).toThrow(/FLEETSEED_TLS_CERT/);
  });

  it('describes every key in a sentence', () => {
    const descriptions = Object.values(OriginConfigSchema.shape).map((key) => key.description);
    expect(descriptions.filter((text) => !text?.endsWith('.'))).toEqual([]);
    expect(configHelp()).toContain('[members] (FLEETSEED_PEER_ACCESS)');
    expect([flagOf('peerListen'), variableOf('peerListen')]).toEqual([
      'peer-listen',
      'FLEETSEED_PEER_LISTEN',
    ]);
  });
});
