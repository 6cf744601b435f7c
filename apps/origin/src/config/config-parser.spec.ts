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
      seeding: true,
      insecureHttp: false,
    });
  });

  it('reads flags and variables, and a flag beats its variable', () => {
    const environment = { FLEETSEED_LISTEN: '127.0.0.1:1', FLEETSEED_COPY_BUDGET: '3' };
    const config = parseConfig(['--listen', '127.0.0.1:2', '--seeding=off'], environment);
    expect(config).toMatchObject({ listen: '127.0.0.1:2', copyBudget: 3, seeding: false });
  });

  it('takes an empty variable as unset', () => {
    expect(parseConfig([], { FLEETSEED_PEER_ACCESS: '' }).peerAccess).toBe('members');
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
