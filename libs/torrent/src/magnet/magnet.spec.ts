import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { formatMagnet, parseMagnet } from './magnet.js';

const V1 = '631a31dd0a46257d5078c0dee4e66e26f73e42ac';
const V2 = 'd8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb';

function codeOf(fields: string): string | undefined {
  try {
    parseMagnet(`magnet:?xt=urn:btih:${V1}&${fields}`);
    return undefined;
  } catch (error) {
    return error instanceof FleetseedError ? error.code : 'another error';
  }
}

describe('magnet links', () => {
  it('carry both hashes, a name, trackers and web seeds', () => {
    const magnet = {
      infoHashV1: Buffer.from(V1, 'hex'),
      infoHashV2: Buffer.from(V2, 'hex'),
      name: 'bücher & co',
      trackers: ['http://10.0.0.1/announce/k?a=b&c', 'udp://10.0.0.1:1'],
      webSeeds: ['https://seed/x y'],
      peers: [
        { host: '10.0.0.1', port: 6881 },
        { host: 'fd00::1', port: 1 },
      ],
    };
    const text = formatMagnet(magnet);
    expect(text.startsWith(`magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}&dn=b%C3%BCcher`)).toBe(
      true,
    );
    expect(parseMagnet(text)).toEqual(magnet);
  });

  it('may have the v1 hash in base32, and numbered topics', () => {
    const { infoHashV1 } = parseMagnet('magnet:?xt.1=urn:btih:AEBAGBAFAYDQQCIKBMGA2DQPCAIREEYU');
    expect(infoHashV1!.toString('hex')).toBe('0102030405060708090a0b0c0d0e0f1011121314');
  });

  it('need not have more than one hash', () => {
    expect(parseMagnet(`magnet:?xt=urn:btmh:1220${V2}`)).toEqual({
      infoHashV1: null,
      infoHashV2: Buffer.from(V2, 'hex'),
      name: null,
      trackers: [],
      webSeeds: [],
      peers: [],
    });
  });

  it('lose peers that cannot be dialled', () => {
    const peers = '&x.pe=host:80&x.pe=[fd00::1]:0&x.pe=host:99999&x.pe=::1:80&x.pe=nothing';
    expect(parseMagnet(`magnet:?xt=urn:btih:${V1}${peers}`).peers).toEqual([
      { host: 'host', port: 80 },
    ]);
  });

  it.each([
    ['another scheme', `http:?xt=urn:btih:${V1}`],
    ['no hash', 'magnet:?dn=x'],
    ['another kind of hash', 'magnet:?xt=urn:sha1:abc'],
    ['a short v1 hash', `magnet:?xt=urn:btih:${V1.slice(1)}`],
    ['another multihash', `magnet:?xt=urn:btmh:1114${V2}`],
    ['a long v2 hash', `magnet:?xt=urn:btmh:1220${V2}00`],
    ['two different hashes', `magnet:?xt=urn:btih:${V1}&xt=urn:btih:${'0'.repeat(40)}`],
    ['broken percent-encoding', `magnet:?xt=urn:btih:${V1}&dn=%ff`],
  ])('are refused with %s', (_, text) => {
    expect(() => parseMagnet(text)).toThrow(expect.objectContaining({ code: 'MAGNET_INVALID' }));
  });

  it('of any text throw nothing but MAGNET_INVALID', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect([undefined, 'MAGNET_INVALID']).toContain(codeOf(text));
      }),
    );
  });
});
