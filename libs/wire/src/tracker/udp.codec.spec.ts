import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ipFromBytes } from '../address/ip-address.js';
import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import { decodeUdpAnswer, encodeUdpAnswer, type UdpAnswer } from './udp-answer.codec.js';
import { decodeUdpRequest, encodeUdpRequest, type UdpRequest } from './udp-request.codec.js';

const u32 = fc.nat(0xffff_ffff);

const requests: fc.Arbitrary<UdpRequest> = fc.oneof(
  fc.record({ action: fc.constant('connect' as const), transactionId: u32 }),
  fc.record({
    action: fc.constant('announce' as const),
    connectionId: bytesOf(8),
    transactionId: u32,
    infoHash: bytesOf(20),
    peerId: bytesOf(20),
    downloaded: fc.maxSafeNat(),
    left: fc.maxSafeNat(),
    uploaded: fc.maxSafeNat(),
    event: fc.constantFrom('none', 'completed', 'started', 'stopped', 'paused'),
    ip: u32,
    key: u32,
    numWant: fc.option(fc.nat(1000)),
    port: fc.nat(65_535),
    urlData: fc.nat(600).map((length) => '/announce?k'.padEnd(length, 'x').slice(0, length)),
  }),
  fc.record({
    action: fc.constant('scrape' as const),
    connectionId: bytesOf(8),
    transactionId: u32,
    infoHashes: fc.array(bytesOf(20), { minLength: 1, maxLength: 5 }),
  }),
);

function answersFor(addressBytes: 4 | 16): fc.Arbitrary<UdpAnswer> {
  const host = bytesOf(addressBytes).map(ipFromBytes);
  return fc.oneof(
    fc.record({
      action: fc.constant('connect' as const),
      transactionId: u32,
      connectionId: bytesOf(8),
    }),
    fc.record({
      action: fc.constant('announce' as const),
      transactionId: u32,
      interval: u32,
      incomplete: u32,
      complete: u32,
      peers: fc.array(fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) })),
    }),
    fc.record({
      action: fc.constant('scrape' as const),
      transactionId: u32,
      swarms: fc.array(fc.record({ complete: u32, downloaded: u32, incomplete: u32 })),
    }),
    fc.record({
      action: fc.constant('error' as const),
      transactionId: u32,
      message: fc.string({ maxLength: 40 }),
    }),
  );
}

describe('UDP requests', () => {
  it('have the bytes of BEP 15', () => {
    const bytes = encodeUdpRequest({ action: 'connect', transactionId: 0x01020304 });
    expect(bytes.toString('hex')).toBe('0000041727101980' + '00000000' + '01020304');
  });

  it('come back as they were sent, URL data in options of 255 bytes', () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeUdpRequest(encodeUdpRequest(request))).toEqual(request);
      }),
    );
  });

  it('read options among padding, and end at a broken one', () => {
    const [announce] = fc.sample(requests, 300).filter(({ action }) => action === 'announce');
    const plain = encodeUdpRequest({ ...announce, urlData: '' } as UdpRequest);
    const withOptions = (hex: string) =>
      decodeUdpRequest(Buffer.concat([plain, Buffer.from(hex, 'hex')]));
    expect(withOptions('01010202616201')).toMatchObject({ urlData: 'ab' });
    expect(withOptions('0201610201620002017a')).toMatchObject({ urlData: 'ab' });
    expect(withOptions('02016102ff62')).toMatchObject({ urlData: 'a' });
    expect(withOptions('02')).toMatchObject({ urlData: '' });
  });

  it.each([
    ['too short', '0000041727101980'],
    ['without the magic', '0000041727101981' + '00000000' + '01020304'],
    ['an announce cut off', `${'00'.repeat(8)}00000001${'00'.repeat(80)}`],
    ['an unknown action', `${'00'.repeat(8)}00000009${'00'.repeat(80)}`],
    ['a scrape of half a hash', `${'00'.repeat(8)}0000000200000000${'00'.repeat(30)}`],
    ['a scrape of too many', `${'00'.repeat(8)}0000000200000000${'00'.repeat(20 * 75)}`],
  ])('are dropped when %s', (_what, hex) => {
    expect(decodeUdpRequest(Buffer.from(hex, 'hex'))).toBeNull();
  });

  it('never throw on garbage', () => {
    fc.assert(
      fc.property(bytesOf(0, 150), fc.nat(3), (bytes, action) => {
        if (bytes.length > 11) bytes.writeUInt32BE(action, 8);
        expect(thrownBy(() => decodeUdpRequest(bytes))).toBeUndefined();
      }),
    );
  });
});

describe('UDP answers', () => {
  it.each([
    [4, 4],
    [6, 16],
  ] as const)('come back as they were sent over IPv%i', (family, addressBytes) => {
    const plain = answersFor(addressBytes).filter(
      (answer) =>
        answer.action !== 'announce' ||
        answer.peers.every(({ host }) => host.includes(':') === (family === 6)),
    );
    fc.assert(
      fc.property(plain, (answer) => {
        expect(decodeUdpAnswer(encodeUdpAnswer(answer, family), family)).toEqual(answer);
      }),
    );
  });

  it('throw nothing but TRACKER_ANSWER_INVALID on garbage', () => {
    fc.assert(
      fc.property(bytesOf(0, 60), fc.nat(4), (bytes, action) => {
        if (bytes.length > 3) bytes.writeUInt32BE(action, 0);
        const thrown = thrownBy(() => decodeUdpAnswer(bytes, 4));
        expect(thrown).toSatisfy((error) => isOursOrNone(error, 'TRACKER_ANSWER_INVALID'));
      }),
    );
  });
});
