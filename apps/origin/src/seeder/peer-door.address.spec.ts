import type { NetworkInterfaceInfo } from 'node:os';

import { describe, expect, it } from 'vitest';

import { dialAddressOf, peerListenOf } from './peer-door.address.js';

function address(family: 'IPv4' | 'IPv6', text: string, internal = false): NetworkInterfaceInfo {
  const shared = { address: text, netmask: '', mac: '', internal, cidr: null };
  return family === 'IPv4' ? { ...shared, family } : { ...shared, family, scopeid: 0 };
}

describe('peerListenOf', () => {
  it('takes a free port beside the API unless told', () => {
    expect(peerListenOf({ listen: '127.0.0.1:7070' })).toEqual({ host: '127.0.0.1', port: 0 });
    expect(peerListenOf({ listen: '127.0.0.1:0' })).toEqual({ host: '127.0.0.1', port: 0 });
    expect(peerListenOf({ listen: '127.0.0.1:7070', peerListen: '[::]:7001' })).toEqual({
      host: '::',
      port: 7001,
    });
  });
});

describe('dialAddressOf', () => {
  it('is where it listens', () => {
    expect(dialAddressOf({ host: '10.0.0.5', port: 7001 }, {})).toBe('10.0.0.5:7001');
  });

  it('is an address that others can reach when it listens on all', () => {
    const interfaces = {
      lo: [address('IPv4', '127.0.0.1', true)],
      eth0: [
        address('IPv6', 'fe80::1'),
        address('IPv6', '2001:db8::5'),
        address('IPv4', '10.0.0.5'),
      ],
    };
    expect(dialAddressOf({ host: '0.0.0.0', port: 7001 }, interfaces)).toBe('10.0.0.5:7001');
    expect(
      dialAddressOf({ host: '::', port: 7001 }, { eth0: [address('IPv6', '2001:db8::5')] }),
    ).toBe('[2001:db8::5]:7001');
    expect(dialAddressOf({ host: '0.0.0.0', port: 7001 }, {})).toBe('127.0.0.1:7001');
  });
});
