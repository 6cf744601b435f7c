import { describe, expect, it } from 'vitest';

import { AddressPolicy } from './address.policy.js';
import { fileNameOf, parseSource, shownSource, type SourceRules } from './source.address.js';

const RULES: SourceRules = {
  addresses: new AddressPolicy([]),
  buckets: ['builds', 'depot'],
  depot: { bucket: 'depot', prefix: 'fleet/a' },
  insecureHttp: false,
};
const parse = (text: string, rules: Partial<SourceRules> = {}) =>
  parseSource(text, { ...RULES, ...rules });
const codeOf = (text: string, rules: Partial<SourceRules> = {}) => {
  try {
    parse(text, rules);
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a source', () => {
  it('is shown without what opens it', () => {
    const secret = 'https://ci:hunter2@builds.example:8443/a/web%20app.tgz?sig=s3cr3t#frag';
    expect(shownSource(parse(secret))).toBe('https://builds.example:8443/a/web%20app.tgz?…');
    for (const plain of ['s3://builds/web/1.tgz', 's3://builds/web/', 's3://builds/']) {
      expect(shownSource(parse(plain))).toBe(plain);
    }
  });

  it('names the file by the end of its path', () => {
    expect(fileNameOf(parse('https://a.example/x/web%20app.tgz?x=/y'))).toBe('web app.tgz');
    expect(fileNameOf(parse('https://a.example/x/%zz'))).toBe('%zz');
    expect(fileNameOf(parse('https://a.example/x/'))).toBeNull();
    expect(fileNameOf(parse('s3://builds/a/b c.tgz'))).toBe('b c.tgz');
    expect(fileNameOf(parse('s3://builds/a/b/'))).toBe('b');
    expect(fileNameOf(parse('s3://builds/'))).toBeNull();
  });

  it.each([
    'http://[::1]/x',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f.1/x',
    'https://[::ffff:169.254.169.254]/x',
    'https://10.0.0.1:99/x',
    'https://0/x',
  ])('of an address that is not public is refused before anybody is asked: %s', (text) => {
    expect(codeOf(text, { insecureHttp: true })).toBe('SOURCE_REFUSED');
  });

  it('may be plain http only if told', () => {
    expect(codeOf('http://a.example/x')).toBe('SOURCE_REFUSED');
    expect(codeOf('http://a.example/x', { insecureHttp: true })).toBeNull();
  });

  it.each([
    'ftp://a.example/x',
    'file:///etc/passwd',
    'x',
    '',
    's3://builds',
    's3:///x',
    `s3://builds/${'x'.repeat(1025)}`,
    's3://builds/../depot/fleet/a/secrets/master.json',
    's3://depot/x/../fleet/a/',
    's3://depot/./fleet/a/x',
    's3://builds/..',
  ])('is nothing else: %s', (text) => {
    expect(codeOf(text)).toBe('REQUEST_INVALID');
  });

  it('in a bucket needs that to be listed, and is never the depot', () => {
    expect(codeOf('s3://builds/x')).toBeNull();
    expect(codeOf('s3://other/x')).toBe('SOURCE_REFUSED');
    expect(codeOf('s3://depot/fleet/a/secrets/master.json')).toBe('SOURCE_REFUSED');
    expect(codeOf('s3://depot/fleet/another')).toBeNull();
    for (const around of ['', 'fleet/', 'fleet/a/', 'fleet/a/artifacts/']) {
      expect(codeOf(`s3://depot/${around}`)).toBe('SOURCE_REFUSED');
    }
    expect(codeOf('s3://depot/fleet/ab/')).toBeNull();
    expect(codeOf('s3://depot/builds/')).toBeNull();
    const whole = { bucket: 'depot', prefix: '' };
    expect(codeOf('s3://depot/fleet/another', { depot: whole })).toBe('SOURCE_REFUSED');
  });
});
