import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ipFromBytes } from '../address/ip-address.js';
import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import {
  decodeAnnounceAnswer,
  encodeAnnounceAnswer,
  encodeTrackerFailure,
  type AnnounceAnswer,
  type AnsweredPeer,
} from './announce-answer.js';
import { decodeScrapeAnswer, encodeScrapeAnswer } from './scrape-answer.js';

const INVALID = expect.objectContaining({ code: 'TRACKER_ANSWER_INVALID' });

const host = fc.oneof(bytesOf(4), bytesOf(16)).map(ipFromBytes);
const flags = fc.record({
  v1: fc.boolean(),
  v2: fc.boolean(),
  complete: fc.boolean(),
  member: fc.boolean(),
  origin: fc.boolean(),
});
const port = fc.integer({ min: 1, max: 65_535 });
const counts = {
  interval: fc.nat(7200),
  minInterval: fc.nat(7200),
  complete: fc.nat(),
  incomplete: fc.nat(),
  downloaded: fc.nat(),
  warning: fc.string({ maxLength: 30 }),
  trackerId: fc.string({ maxLength: 30 }),
  externalIp: host,
};

function answers(peer: fc.Arbitrary<AnsweredPeer>): fc.Arbitrary<AnnounceAnswer> {
  return fc.record({ type: fc.constant('peers' as const), ...counts, peers: fc.array(peer) });
}

const byFamily = (peers: readonly AnsweredPeer[]) =>
  peers.toSorted((a, b) => Number(a.host.includes(':')) - Number(b.host.includes(':')));

describe('announce answers', () => {
  it('come back from the compact form, IPv4 first', () => {
    const peer = fc.record({ host, port, flags });
    fc.assert(
      fc.property(answers(peer), (answer) => {
        const form = { compact: true, noPeerId: true, flags: true };
        const back = decodeAnnounceAnswer(encodeAnnounceAnswer(answer, form));
        expect(back).toEqual({ ...answer, peers: byFamily(answer.peers) });
      }),
    );
  });

  it('come back from the dictionary form', () => {
    const peer = fc.record({ host, port, flags, peerId: bytesOf(20) });
    fc.assert(
      fc.property(answers(peer), (answer) => {
        const form = { compact: false, noPeerId: false, flags: true };
        expect(decodeAnnounceAnswer(encodeAnnounceAnswer(answer, form))).toEqual(answer);
      }),
    );
  });

  it('tell a stranger nothing of our private keys', () => {
    const answer = {
      type: 'peers' as const,
      interval: 5,
      peers: [{ host: '10.0.0.1', port: 6881 }],
    };
    const bytes = encodeAnnounceAnswer(answer, { compact: true, noPeerId: false, flags: false });
    expect(bytes.toString('latin1')).toBe('d8:intervali5e5:peers6:\x0a\x00\x00\x01\x1a\xe1e');
  });

  it('tell a failure, and when to try again', () => {
    for (const retryIn of [30, 'never'] as const) {
      const failure = { type: 'failure' as const, reason: 'not here', retryIn };
      expect(decodeAnnounceAnswer(encodeTrackerFailure(failure))).toEqual(failure);
    }
    const bare = { type: 'failure' as const, reason: 'not here' };
    expect(decodeAnnounceAnswer(encodeTrackerFailure(bare))).toEqual(bare);
  });

  it('lose the peers that cannot be dialled', () => {
    const text =
      'd8:intervali5e5:peersld2:ip9:localhost4:porti1eed2:ip7:1.2.3.44:porti0ee' +
      'd2:ip7:1.2.3.54:porti9eeee';
    expect(decodeAnnounceAnswer(Buffer.from(text))).toEqual({
      type: 'peers',
      interval: 5,
      peers: [{ host: '1.2.3.5', port: 9 }],
    });
  });

  it.each([
    ['nothing', ''],
    ['a list', 'le'],
    ['an answer without an interval', 'd5:peers0:e'],
    ['a compact list that is cut off', 'd8:intervali5e5:peers5:abcdee'],
    ['too many peers', `d8:intervali5e5:peers30006:${'a'.repeat(30_006)}e`],
    ['an HTML page', '<html>502 Bad Gateway</html>'],
  ])('are refused when they are %s', (_what, text) => {
    expect(() => decodeAnnounceAnswer(Buffer.from(text))).toThrow(INVALID);
  });
});

describe('scrape answers', () => {
  it('come back as they were sent', () => {
    const swarm = fc.record({
      infoHash: bytesOf(20),
      complete: fc.nat(),
      incomplete: fc.nat(),
      downloaded: fc.nat(),
      downloaders: fc.nat(),
    });
    const swarms = fc.uniqueArray(swarm, { selector: ({ infoHash }) => infoHash.toString('hex') });
    fc.assert(
      fc.property(swarms, (sent) => {
        const back = decodeScrapeAnswer(encodeScrapeAnswer(sent));
        const sorted = sent.toSorted((a, b) => a.infoHash.compare(b.infoHash));
        expect(back).toEqual({ type: 'swarms', swarms: sorted });
      }),
    );
  });

  it('may be a failure, and must have files otherwise', () => {
    const failure = { type: 'failure' as const, reason: 'no scrape here' };
    expect(decodeScrapeAnswer(encodeTrackerFailure(failure))).toEqual(failure);
    expect(() => decodeScrapeAnswer(Buffer.from('de'))).toThrow(INVALID);
  });
});

it('no answer codec throws anything but TRACKER_ANSWER_INVALID on garbage', () => {
  const token = fc.constantFrom(
    'd',
    'l',
    'e',
    'i1e',
    '5:peers',
    '8:interval',
    '6:peers6',
    '3:abc',
    '2:ip',
  );
  const garbage = fc.oneof(
    bytesOf(0, 50),
    fc.array(token).map((tokens) => Buffer.from(`d8:intervali1e${tokens.join('')}e`)),
  );
  fc.assert(
    fc.property(garbage, (bytes) => {
      for (const decode of [decodeAnnounceAnswer, decodeScrapeAnswer]) {
        const thrown = thrownBy(() => decode(bytes));
        expect(thrown).toSatisfy((error) => isOursOrNone(error, 'TRACKER_ANSWER_INVALID'));
      }
    }),
    { numRuns: 500 },
  );
});
