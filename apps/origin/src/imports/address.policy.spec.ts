import { describe, expect, it } from 'vitest';

import { AddressPolicy } from './address.policy.js';

const closed = new AddressPolicy([]);

describe('the address policy', () => {
  it.each([
    ['loopback', '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    ['private', '10.1.2.3', '172.31.0.1', '192.168.0.1', '100.64.0.1', 'fd00::1', 'fc00::1'],
    ['link-local and metadata', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254'],
    ['metadata in public space', '168.63.129.16', '100.100.100.200', '192.0.0.192'],
    ['nobody’s', '0.0.0.0', '::', '224.0.0.1', 'ff02::1', '255.255.255.255', '240.0.0.1'],
    ['documentation and benchmarks', '192.0.2.1', '198.18.0.1', '203.0.113.9', '2001:db8::1'],
    ['tunnels to such', '64:ff9b::7f00:1', '64:ff9b::a00:1', '2002:7f00:1::', '2001::1'],
    ['no addresses', '', 'localhost', '1.2.3', '127.1', '0x7f000001'],
  ])('refuses %s', (_, ...addresses) => {
    for (const address of addresses) {
      expect([address, closed.allows('example.com', address)]).toEqual([address, false]);
    }
  });

  it('takes what is public', () => {
    for (const address of ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700::1111']) {
      expect([address, closed.allows('example.com', address)]).toEqual([address, true]);
    }
    expect(closed.allows('example.com', '64:ff9b::101:101')).toBe(true);
  });

  it('lets a listed name stand for a private address, and for nothing worse', () => {
    const policy = new AddressPolicy(['nexus.corp', '*.builds.corp', 'localhost']);
    expect(policy.allows('nexus.corp', '10.0.0.5')).toBe(true);
    expect(policy.allows('NEXUS.corp.', 'fd12::5')).toBe(true);
    expect(policy.allows('a.b.builds.corp', '192.168.1.1')).toBe(true);
    expect(policy.allows('builds.corp', '192.168.1.1')).toBe(false);
    expect(policy.allows('evil-builds.corp', '192.168.1.1')).toBe(false);
    expect(policy.allows('other.corp', '10.0.0.5')).toBe(false);
    for (const address of ['127.0.0.1', '169.254.169.254', '::1', '100.100.100.200', '0.0.0.0']) {
      expect([address, policy.allows('nexus.corp', address)]).toEqual([address, false]);
    }
    expect(policy.allows('localhost', '127.0.0.1')).toBe(false);
  });

  it('takes listed addresses and networks whatever they are', () => {
    const policy = new AddressPolicy(['127.0.0.1', '10.2.0.0/16', 'fd00::/8', '::1']);
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.2.255.1', 'fd12::1', '::1']) {
      expect([address, policy.allows('any', address)]).toEqual([address, true]);
    }
    expect(policy.allows('any', '127.0.0.2')).toBe(false);
    expect(policy.allows('any', '10.3.0.1')).toBe(false);
  });

  it.each(['10.0.0.0/33', '10.0.0.0/x', 'http://host', 'a b', '*', '*.', 'host/24', '::1/129'])(
    'names what it cannot read: %s',
    (entry) => {
      expect(() => new AddressPolicy([entry])).toThrow(/FLEETSEED_IMPORT_HOSTS/);
    },
  );
});
