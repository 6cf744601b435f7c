import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  HANDSHAKE_BYTES,
  HandshakeReader,
  decodeHandshake,
  encodeHandshake,
} from './handshake.codec.js';
import { bytesOf } from './message.arbitrary.fixture.js';
import { peerIdOf } from './peer-id.js';

const handshake = {
  infoHash: Buffer.alloc(20, 0xaa),
  peerId: Buffer.from('-FL0100-abcdefghijkl'),
  fast: true,
  extensions: true,
  v2Upgrade: false,
};

describe('handshake', () => {
  it('has the bytes of the specification', () => {
    expect(encodeHandshake({ ...handshake, v2Upgrade: true }).toString('latin1')).toBe(
      `\x13BitTorrent protocol\0\0\0\0\0\x10\0\x14${'\xaa'.repeat(20)}-FL0100-abcdefghijkl`,
    );
  });

  it('comes back as it was sent, with every combination of flags', () => {
    const any = fc.record({
      infoHash: bytesOf(20),
      peerId: bytesOf(20),
      fast: fc.boolean(),
      extensions: fc.boolean(),
      v2Upgrade: fc.boolean(),
    });
    fc.assert(
      fc.property(any, (sent) => {
        expect(decodeHandshake(encodeHandshake(sent))).toEqual(sent);
      }),
    );
  });

  it('ignores reserved bits that it does not know', () => {
    const bytes = encodeHandshake(handshake);
    bytes[20] = 0xff;
    bytes[27]! |= 0x01;
    expect(decodeHandshake(bytes)).toEqual(handshake);
  });

  it('is collected from any split, and tells where the next bytes begin', () => {
    fc.assert(
      fc.property(fc.nat(HANDSHAKE_BYTES), fc.nat(30), (cut, rest) => {
        const bytes = Buffer.concat([encodeHandshake(handshake), Buffer.alloc(rest, 1)]);
        const reader = new HandshakeReader();
        const first = reader.push(bytes.subarray(0, cut));
        const read = first ?? reader.push(bytes.subarray(cut));
        expect(read?.handshake).toEqual(handshake);
        expect((first ? 0 : cut) + read!.consumed).toBe(HANDSHAKE_BYTES);
      }),
    );
  });

  it('refuses another protocol at its first wrong byte', () => {
    const tls = () => new HandshakeReader().push(Buffer.from([0x16]));
    expect(tls).toThrow(expect.objectContaining({ code: 'WIRE_INVALID' }));
    const short = () => decodeHandshake(Buffer.alloc(67));
    expect(short).toThrow(expect.objectContaining({ code: 'WIRE_INVALID' }));
  });
});

describe('peerIdOf', () => {
  it('starts with the prefix and is never the same twice', () => {
    const first = peerIdOf();
    expect([first.length, first.toString('latin1', 0, 8)]).toEqual([20, '-FL0100-']);
    expect(first.equals(peerIdOf())).toBe(false);
  });
});
