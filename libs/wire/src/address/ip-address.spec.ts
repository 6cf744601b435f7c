import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatIpPort, ipFromBytes, ipToBytes, normalizeIp, parseIpPort } from './ip-address.js';

describe('addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '64:ff9b::c000:207'],
  ])('%s is %s', (text, canonical) => expect(normalizeIp(text)).toBe(canonical));

  it.each(['', 'localhost', '10.1.2', '10.1.2.256', 'fe80::1%eth0', '1:2:3', '0x7f.1'])(
    'takes %j for no address',
    (text) => expect(ipToBytes(text)).toBeNull(),
  );

  it('come back from their bytes', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => ipToBytes(text)!);
    fc.assert(
      fc.property(address, (bytes) => {
        expect(ipToBytes(ipFromBytes(bytes))).toEqual(bytes);
      }),
    );
  });

  it('come with a port', () => {
    expect(parseIpPort('10.0.0.1:6881')).toEqual({ host: '10.0.0.1', port: 6881 });
    expect(parseIpPort('[FD00::0:1]:80')).toEqual({ host: 'fd00::1', port: 80 });
    expect(formatIpPort({ host: 'fd00::1', port: 80 })).toBe('[fd00::1]:80');
    expect(formatIpPort({ host: '10.0.0.1', port: 80 })).toBe('10.0.0.1:80');
  });

  it.each([
    'host.example:80',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    'fd00::1:80',
    '[10.0.0.1]:80',
  ])('takes %j for no address with a port', (text) => expect(parseIpPort(text)).toBeNull());
});
