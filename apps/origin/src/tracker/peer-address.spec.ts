import { describe, expect, it } from 'vitest';

import { peerAddressOf } from './peer-address.js';

const never = () => Promise.reject(new Error('not asked'));

describe('peerAddressOf', () => {
  it('takes an address as it is', async () => {
    expect(await peerAddressOf('10.0.0.7:7001', '10.9.9.9', never)).toEqual({
      host: '10.0.0.7',
      port: 7001,
    });
    expect(await peerAddressOf('[2001:db8::1]:7001', '10.9.9.9', never)).toEqual({
      host: '2001:db8::1',
      port: 7001,
    });
  });

  it('puts the address of the request in the place of the unspecified one', async () => {
    for (const any of ['0.0.0.0:7001', '[::]:7001']) {
      expect(await peerAddressOf(any, '10.9.9.9', never)).toEqual({ host: '10.9.9.9', port: 7001 });
    }
  });

  it('resolves a name, and says so when it leads nowhere', async () => {
    const found = await peerAddressOf('node-1.fleet:7001', 'x', async () => '10.0.0.1');
    expect(found).toEqual({ host: '10.0.0.1', port: 7001 });
    await expect(peerAddressOf('node-1.fleet:7001', 'x', never)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });
});
