import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isOursOrNone, thrownBy } from '../peer/garbage.fixture.js';
import { bytesOf } from '../peer/message.arbitrary.fixture.js';
import {
  buildAnnounceUrl,
  buildScrapeUrl,
  parseAnnounceQuery,
  parseScrapeQuery,
  type AnnounceQuery,
} from './announce-query.js';

const HASH = 'info_hash=%12%34%56%78%9a%bc%de%f1%23%45%67%89%ab%cd%ef%12%34%56%78%9a';
const PEER = 'peer_id=-qB5000-abc+defghijk';

const refusal = (text: string) =>
  expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(text) });

describe('parseAnnounceQuery', () => {
  it('reads hashes byte by byte, and + as itself', () => {
    const query = parseAnnounceQuery(
      `${HASH}&${PEER}&port=6881&uploaded=1&downloaded=2&left=3&event=started&numwant=200&compact=1` +
        '&no_peer_id=1&key=AF12&ip=10.0.0.9&trackerid=x%20y&supportcrypto=1',
    );
    expect(query).toEqual({
      infoHash: Buffer.from('123456789abcdef123456789abcdef123456789a', 'hex'),
      peerId: Buffer.from('-qB5000-abc+defghijk'),
      port: 6881,
      uploaded: 1,
      downloaded: 2,
      left: 3,
      event: 'started',
      numWant: 200,
      compact: true,
      noPeerId: true,
      key: 'AF12',
      ip: '10.0.0.9',
      trackerId: 'x y',
    });
  });

  it('does without everything that may be left out', () => {
    expect(
      parseAnnounceQuery(`${HASH}&${PEER}&port=1&left=-1&numwant=-1&event=&compact=0`),
    ).toEqual(
      expect.objectContaining({ left: null, numWant: null, event: 'none', compact: false }),
    );
  });

  it.each([
    ['', 'info_hash is missing'],
    [`info_hash=abc&${PEER}&port=1`, 'info_hash does not have 20 bytes'],
    [`${HASH}&port=1`, 'peer_id is missing'],
    [`${HASH}&${PEER}`, 'port is missing'],
    [`${HASH}&${PEER}&port=65536`, 'port is not below 65536'],
    [`${HASH}&${PEER}&port=x`, 'port is not a number'],
    [`${HASH}&${PEER}&port=1&left=1e3`, 'left is not a number'],
    [`info_hash=%1&${PEER}&port=1`, 'info_hash has a %'],
    [`${HASH}&${PEER}&port=1&ip=${'1'.repeat(200)}`, 'ip is too long'],
    ['a'.repeat(20_000), 'too long'],
  ])('refuses %.40s, naming what is wrong', (text, what) => {
    expect(() => parseAnnounceQuery(text)).toThrow(refusal(what));
  });

  it('throws nothing but FleetseedError on garbage', () => {
    const garbage = fc.string({
      unit: fc.constantFrom('info_hash', '=', '&', '%', '%zz', '%ff', 'é'),
    });
    fc.assert(
      fc.property(garbage, (text) => {
        expect(thrownBy(() => parseAnnounceQuery(text))).toSatisfy(isOursOrNone);
        expect(thrownBy(() => parseScrapeQuery(text))).toSatisfy(isOursOrNone);
      }),
    );
  });
});

describe('buildAnnounceUrl', () => {
  const any: fc.Arbitrary<AnnounceQuery> = fc.record(
    {
      infoHash: bytesOf(20),
      peerId: bytesOf(20),
      port: fc.nat(65_535),
      uploaded: fc.maxSafeNat(),
      downloaded: fc.maxSafeNat(),
      left: fc.option(fc.maxSafeNat()),
      event: fc.constantFrom('none', 'started', 'completed', 'stopped', 'paused'),
      numWant: fc.option(fc.nat(1000)),
      compact: fc.boolean(),
      noPeerId: fc.boolean(),
      key: fc.string({ minLength: 1, maxLength: 20 }),
      ip: fc.ipV6(),
      advertise: fc.constant('[fd00::1]:6881'),
      trackerId: fc.string({ minLength: 1, maxLength: 20 }),
      fleet: fc.constant(true),
    },
    {
      requiredKeys: [
        'infoHash',
        'peerId',
        'port',
        'uploaded',
        'downloaded',
        'left',
        'event',
        'numWant',
        'compact',
        'noPeerId',
      ],
    },
  );

  it('writes what parseAnnounceQuery reads', () => {
    fc.assert(
      fc.property(any, (query) => {
        const url = new URL(buildAnnounceUrl('http://t.example/announce', query));
        expect(parseAnnounceQuery(url.search.slice(1))).toEqual(query);
      }),
    );
  });

  it('keeps a query that the announce URL has', () => {
    const [query] = fc.sample(any, 1);
    const url = buildAnnounceUrl('http://t.example/announce?token=a', query!);
    expect(url).toMatch(/^http:\/\/t\.example\/announce\?token=a&info_hash=/);
  });
});

describe('buildScrapeUrl', () => {
  const hash = Buffer.alloc(20, 0x41);
  const query = `info_hash=${'A'.repeat(20)}`;

  // After the examples of BEP 48; here a slash in the query does not count as part of the path.
  it.each([
    ['http://example.com/announce', `http://example.com/scrape?${query}`],
    ['http://example.com/x/announce', `http://example.com/x/scrape?${query}`],
    ['http://example.com/announce.php', `http://example.com/scrape.php?${query}`],
    ['http://example.com/announce?x2%0644', `http://example.com/scrape?x2%0644&${query}`],
    ['http://example.com/announce/key/announce', `http://example.com/announce/key/scrape?${query}`],
    ['http://example.com/a', null],
    ['http://example.com/announce?x=2/4', `http://example.com/scrape?x=2/4&${query}`],
    ['http://example.com/x%064announce', null],
  ])('makes of %s %s', (announce, scrape) => {
    expect(buildScrapeUrl(announce, [hash])).toBe(scrape);
  });

  it('asks for several hashes at once', () => {
    const url = buildScrapeUrl('http://t/announce', [hash, Buffer.alloc(20, 0xff)])!;
    expect(parseScrapeQuery(new URL(url).search.slice(1))).toEqual([hash, Buffer.alloc(20, 0xff)]);
  });
});
