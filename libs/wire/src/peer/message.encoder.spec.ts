import { describe, expect, it } from 'vitest';

import { spanHeader } from '../extension/fs-run.codec.js';
import { encodeMessage, pieceHeader } from './message.encoder.js';
import { RecordingSink } from './recording-sink.fixture.js';
import { WireDecoder } from './wire.decoder.js';

const ROOT_OF_1_MIB_ZEROS = '515ea9181744b817744ded9d2e8e9dc6a8450c0b0c52e24b5077f302ffbd9008';
const HASH_REQUEST =
  `00000031` + `15` + ROOT_OF_1_MIB_ZEROS + `00000002` + `00000000` + `00000010` + `00000003`;

describe('encodeMessage', () => {
  it('writes the hash request that libtorrent sends for 1 MiB of zeros in 64 KiB pieces', () => {
    const message = {
      type: 'hashRequest' as const,
      root: Buffer.from(ROOT_OF_1_MIB_ZEROS, 'hex'),
      base: 2,
      index: 0,
      length: 16,
      proofLayers: 3,
    };
    expect(encodeMessage(message).toString('hex')).toBe(HASH_REQUEST);
    const sink = new RecordingSink();
    new WireDecoder(sink).push(Buffer.from(HASH_REQUEST, 'hex'));
    expect(sink.events).toEqual([message]);
  });

  it.each([
    ['keepAlive', { type: 'keepAlive' }, '00000000'],
    ['choke', { type: 'choke' }, '0000000100'],
    ['unchoke', { type: 'unchoke' }, '0000000101'],
    ['interested', { type: 'interested' }, '0000000102'],
    ['notInterested', { type: 'notInterested' }, '0000000103'],
    ['have', { type: 'have', piece: 258 }, '000000050400000102'],
    ['bitfield', { type: 'bitfield', bits: Buffer.from([0xa5]) }, '0000000205a5'],
    [
      'request',
      { type: 'request', piece: 1, begin: 16_384, length: 16_384 },
      '0000000d06000000010000400000004000',
    ],
    ['haveAll', { type: 'haveAll' }, '000000010e'],
    ['haveNone', { type: 'haveNone' }, '000000010f'],
    [
      'reject',
      { type: 'reject', piece: 1, begin: 2, length: 3 },
      '0000000d10000000010000000200000003',
    ],
    ['port', { type: 'port', port: 6881 }, '00000003091ae1'],
    ['extended', { type: 'extended', id: 0, payload: Buffer.from('de') }, '0000000414006465'],
  ] as const)('writes %s as the specification has it', (_name, message, hex) => {
    expect(encodeMessage(message).toString('hex')).toBe(hex);
  });

  it('writes headers of blocks whose bytes follow apart', () => {
    expect(pieceHeader(1, 2, 16_384).toString('hex')).toBe('00004009070000000100000002');
    expect(spanHeader(5, 1, 2, 1_048_576).toString('hex')).toBe('0010000b1405010000000100000002');
  });
});
