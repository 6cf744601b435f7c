import { describe, expect, it } from 'vitest';

import {
  decodeAnnounceAnswer,
  encodeAnnounceAnswer,
  encodeTrackerFailure,
} from './announce-answer.js';
import { buildAnnounceUrl, buildScrapeUrl } from './announce-query.js';
import { decodeScrapeAnswer, encodeScrapeAnswer } from './scrape-answer.js';
import { decodeUdpAnswer, encodeUdpAnswer } from './udp-answer.codec.js';
import { decodeUdpRequest, encodeUdpRequest, type UdpAnnounce } from './udp-request.codec.js';

/** Bytes as another implementation writes them, put together by hand from the BEPs. */
const hex = (text: string) => Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');
const latin = (text: string) => Buffer.from(text, 'latin1');

const V4 = '7f0000011ae1';
const V6 = 'fd0000000000000000000000000000011ae2';
const PLAIN = { compact: true, noPeerId: true, flags: false };

describe('HTTP answers, byte for byte', () => {
  it('compact peers of both families (BEP 23, 7), minimum, and our address (BEP 24)', () => {
    const bytes = Buffer.concat([
      latin('d8:completei1e11:external ip4:'),
      hex('0a000002'),
      latin('10:incompletei2e8:intervali1800e12:min intervali60e5:peers6:'),
      hex(V4),
      latin('6:peers618:'),
      hex(V6),
      latin('e'),
    ]);
    const answer = {
      type: 'peers' as const,
      interval: 1800,
      minInterval: 60,
      complete: 1,
      incomplete: 2,
      externalIp: '10.0.0.2',
      peers: [
        { host: '127.0.0.1', port: 6881 },
        { host: 'fd00::1', port: 6882 },
      ],
    };
    expect(decodeAnnounceAnswer(bytes)).toEqual(answer);
    expect(encodeAnnounceAnswer(answer, PLAIN)).toEqual(bytes);
  });

  it('peers as dictionaries (BEP 3), IPv6 literals among them (BEP 7)', () => {
    const bytes = latin(
      'd8:intervali60e5:peersl' +
        'd2:ip9:127.0.0.17:peer id20:-XX0000-0123456789014:porti6881ee' +
        'd2:ip7:fd00::14:porti6882eeee',
    );
    expect(decodeAnnounceAnswer(bytes)).toMatchObject({
      peers: [
        { host: '127.0.0.1', port: 6881, peerId: latin('-XX0000-012345678901') },
        { host: 'fd00::1', port: 6882 },
      ],
    });
  });

  it('failures and when to come again (BEP 31)', () => {
    const later = 'd14:failure reason4:busy8:retry ini15ee';
    const never = 'd14:failure reason4:gone8:retry in5:nevere';
    expect(encodeTrackerFailure({ type: 'failure', reason: 'busy', retryIn: 15 })).toEqual(
      latin(later),
    );
    expect(encodeTrackerFailure({ type: 'failure', reason: 'gone', retryIn: 'never' })).toEqual(
      latin(never),
    );
    expect(decodeAnnounceAnswer(latin(later))).toMatchObject({ retryIn: 15 });
    expect(decodeAnnounceAnswer(latin(never))).toMatchObject({ retryIn: 'never' });
    // Minutes as text are met as well.
    const text = latin('d14:failure reason4:busy8:retry in2:15e');
    expect(decodeAnnounceAnswer(text)).toMatchObject({ retryIn: 15 });
  });

  it('the scrape of BEP 48', () => {
    const infoHash = latin('....................');
    const bytes = latin(
      'd5:filesd20:....................d8:completei5e10:downloadedi50e10:incompletei10eeee',
    );
    const swarm = { infoHash, complete: 5, downloaded: 50, incomplete: 10 };
    expect(decodeScrapeAnswer(bytes)).toEqual({ type: 'swarms', swarms: [swarm] });
    expect(encodeScrapeAnswer([swarm])).toEqual(bytes);
  });

  it('URLs: hashes as raw bytes, scrape beside announce (BEP 48)', () => {
    const infoHash = hex('123456789abcdef123456789abcdef123456789a');
    const rest = { port: 1, uploaded: 0, downloaded: 0, left: 0, numWant: null, compact: true };
    const peerId = latin('-XX0000-0123456789ab');
    const query = { infoHash, peerId, ...rest, event: 'none' as const, noPeerId: false };
    expect(buildAnnounceUrl('http://t/announce', query)).toContain(
      'info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-XX0000-0123456789ab',
    );
    expect(buildScrapeUrl('http://t/x/announce.php?a=1', [infoHash])).toMatch(
      /^http:\/\/t\/x\/scrape\.php\?a=1&info_hash=/,
    );
    expect(buildScrapeUrl('http://t/announce/x', [infoHash])).toBeNull();
  });
});

describe('UDP, byte for byte (BEP 15, 41)', () => {
  const announce: UdpAnnounce = {
    action: 'announce',
    connectionId: hex('0102030405060708'),
    transactionId: 0x1122_3344,
    infoHash: Buffer.alloc(20, 0xaa),
    peerId: Buffer.alloc(20, 0xbb),
    downloaded: 1,
    left: 0x1_0000_0002,
    uploaded: 3,
    event: 'started',
    ip: 0,
    key: 0xdead_beef,
    numWant: null,
    port: 6881,
    urlData: '/announce?k=1',
  };

  it('an announce with URL data', () => {
    const bytes = Buffer.concat([
      hex(`0102030405060708 00000001 11223344 ${'aa'.repeat(20)} ${'bb'.repeat(20)}`),
      hex('0000000000000001 0000000100000002 0000000000000003'),
      hex('00000002 00000000 deadbeef ffffffff 1ae1'),
      hex('020d'),
      latin('/announce?k=1'),
    ]);
    expect(encodeUdpRequest(announce)).toEqual(bytes);
    expect(decodeUdpRequest(bytes)).toEqual(announce);
    expect(encodeUdpRequest({ ...announce, urlData: '' })).toEqual(bytes.subarray(0, 98));
  });

  it.each([
    ['connect', 4, '00000000 11223344 0102030405060708'],
    ['announce', 4, `00000001 11223344 00000708 00000002 00000001 ${V4}`],
    ['announce', 6, `00000001 11223344 00000708 00000002 00000001 ${V6}`],
    ['scrape', 4, '00000002 11223344 00000005 00000032 0000000a'],
    ['error', 4, '00000003 11223344 676f2061776179'],
  ] as const)('an answer: %s over IPv%i', (action, family, text) => {
    const answer = decodeUdpAnswer(hex(text), family);
    const peers = [
      family === 4 ? { host: '127.0.0.1', port: 6881 } : { host: 'fd00::1', port: 6882 },
    ];
    const facts = {
      connect: { connectionId: hex('0102030405060708') },
      announce: { interval: 1800, incomplete: 2, complete: 1, peers },
      scrape: { swarms: [{ complete: 5, downloaded: 50, incomplete: 10 }] },
      error: { message: 'go away' },
    };
    expect(answer).toEqual({ action, transactionId: 0x1122_3344, ...facts[action] });
    expect(encodeUdpAnswer(answer, family)).toEqual(hex(text));
  });
});
