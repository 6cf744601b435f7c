import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ipFromBytes, normalizeIp, type HostPort } from '../address/ip-address.js';
import { damage } from '../damage.fixture.js';
import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import {
  decodeAnnounceAnswer,
  encodeAnnounceAnswer,
  encodeTrackerFailure,
} from './announce-answer.js';
import { MAX_ANSWER_PEERS } from './compact-peers.js';
import { decodeScrapeAnswer, encodeScrapeAnswer } from './scrape-answer.js';
import { decodeUdpAnswer, encodeUdpAnswer } from './udp-answer.codec.js';
import { decodeUdpRequest, encodeUdpRequest } from './udp-request.codec.js';

const u32 = fc.nat(0xffff_ffff);
const hosts = fc.oneof(bytesOf(4), bytesOf(16)).map(ipFromBytes);
const peers = fc.array(fc.record({ host: hosts, port: fc.nat(65_535) }), { maxLength: 12 });

function canBeDialled(list: readonly HostPort[]): void {
  expect(list.length).toBeLessThanOrEqual(2 * MAX_ANSWER_PEERS);
  for (const { host, port } of list) {
    expect(normalizeIp(host)).toBe(host);
    expect(port).toSatisfy((each: number) => Number.isInteger(each) && each > 0 && each < 65_536);
  }
}

function refusedOrRead<T>(
  answers: fc.Arbitrary<Buffer>,
  decode: (bytes: Buffer) => T,
  check: (value: T) => void,
): void {
  fc.assert(
    fc.property(answers, damage, (bytes, damaged) => {
      const thrown = thrownBy(() => check(decode(damaged(bytes))));
      expect(thrown).toSatisfy((error) => isOursOrNone(error, 'TRACKER_ANSWER_INVALID'));
    }),
  );
}

describe('a damaged answer', () => {
  const forms = fc.record({ compact: fc.boolean(), noPeerId: fc.boolean(), flags: fc.boolean() });
  const facts = fc.record({
    type: fc.constant('peers' as const),
    interval: fc.nat(),
    minInterval: fc.nat(),
    complete: fc.nat(),
    incomplete: fc.nat(),
    warning: fc.string(),
    trackerId: fc.string(),
    peers,
  });

  it('to an announce names peers that can be dialled and times that can be waited for', () => {
    const answers = fc.oneof(
      fc.tuple(facts, forms).map(([answer, form]) => encodeAnnounceAnswer(answer, form)),
      fc
        .record({ type: fc.constant('failure' as const), reason: fc.string(), retryIn: fc.nat() })
        .map(encodeTrackerFailure),
    );
    refusedOrRead(answers, decodeAnnounceAnswer, (answer) => {
      const retryIn = answer.type === 'failure' ? (answer.retryIn ?? 1) : 1;
      expect(retryIn === 'never' || retryIn > 0).toBe(true);
      if (answer.type === 'failure') return;
      canBeDialled(answer.peers);
      expect(answer.interval).toSatisfy((each: number) => Number.isSafeInteger(each) && each >= 0);
      expect(answer.warning?.length ?? 0).toBeLessThanOrEqual(1024);
    });
  });

  it('to a scrape has counts', () => {
    const swarm = fc.record({
      infoHash: bytesOf(20),
      complete: fc.nat(),
      incomplete: fc.nat(),
      downloaded: fc.nat(),
    });
    const answers = fc.array(swarm, { maxLength: 6 }).map(encodeScrapeAnswer);
    refusedOrRead(answers, decodeScrapeAnswer, (answer) => {
      if (answer.type === 'failure') return;
      for (const { infoHash, complete, incomplete } of answer.swarms) {
        expect(infoHash.length).toBe(20);
        expect(Math.min(complete, incomplete)).toBeGreaterThanOrEqual(0);
      }
    });
  });

  it('over UDP is read as what it is, or refused', () => {
    const answers = fc
      .record({
        action: fc.constant('announce' as const),
        transactionId: u32,
        interval: u32,
        incomplete: u32,
        complete: u32,
        peers,
      })
      .map((answer) => encodeUdpAnswer(answer, 4));
    for (const family of [4, 6] as const) {
      refusedOrRead(
        answers,
        (bytes) => decodeUdpAnswer(bytes, family),
        (answer) => {
          const message = answer.action === 'error' ? answer.message : '';
          expect(message.length).toBeLessThanOrEqual(1024);
          if (answer.action === 'announce') canBeDialled(answer.peers);
        },
      );
    }
  });
});

it('a damaged request to a UDP tracker is read or passed over', () => {
  const requests = fc
    .record({
      action: fc.constant('announce' as const),
      connectionId: bytesOf(8),
      transactionId: u32,
      infoHash: bytesOf(20),
      peerId: bytesOf(20),
      downloaded: fc.maxSafeNat(),
      left: fc.maxSafeNat(),
      uploaded: fc.maxSafeNat(),
      event: fc.constantFrom('none' as const, 'started' as const),
      ip: u32,
      key: u32,
      numWant: fc.option(fc.nat(1000)),
      port: fc.nat(65_535),
      urlData: fc.string({ unit: 'binary-ascii', maxLength: 300 }),
    })
    .map(encodeUdpRequest);
  fc.assert(
    fc.property(requests, damage, (bytes, damaged) => {
      const request = decodeUdpRequest(damaged(bytes));
      if (request?.action !== 'announce') return;
      expect(request.port).toBeLessThanOrEqual(65_535);
      expect(request.urlData.length).toBeLessThanOrEqual(2048);
      expect(request.left).toBeGreaterThanOrEqual(0);
    }),
  );
});
