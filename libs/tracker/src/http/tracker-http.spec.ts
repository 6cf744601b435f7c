import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  buildAnnounceUrl,
  buildScrapeUrl,
  decodeAnnounceAnswer,
  decodeScrapeAnswer,
  type AnnounceQuery,
} from '#lib/wire';

import { MEMBER_KEY, OTHER, STRANGER_KEY, UNKNOWN, V1, V2, trackerOf } from '../tracker.fixture.js';
import { TrackerHttp } from './tracker-http.js';

const QUERY: AnnounceQuery = {
  infoHash: V2,
  peerId: Buffer.from('-FL0100-000000000000'),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 100,
  event: 'started',
  numWant: null,
  compact: true,
  noPeerId: true,
};

function get(http: TrackerHttp, url: string, remoteAddress = '10.0.0.1') {
  const { pathname, search } = new URL(url, 'http://tracker');
  return http.handle({ path: pathname, rawQuery: search.slice(1), remoteAddress });
}

async function announce(
  http: TrackerHttp,
  base: string,
  change: Partial<AnnounceQuery> = {},
  remoteAddress?: string,
) {
  const url = buildAnnounceUrl(base, { ...QUERY, ...change });
  return decodeAnnounceAnswer((await get(http, url, remoteAddress)).body);
}

const httpOf = (...options: Parameters<typeof trackerOf>) => {
  const { tracker } = trackerOf(...options);
  return { tracker, http: new TrackerHttp(tracker) };
};

const other = { peerId: Buffer.from('-qB5000-000000000001') };

describe('TrackerHttp', () => {
  it('answers an announce with a key in the path', async () => {
    const { http } = httpOf('closed');
    await announce(http, `/announce/${MEMBER_KEY}/announce`);
    const told = await announce(http, `/announce/${STRANGER_KEY}/announce`, other, '10.0.0.2');
    expect(told).toMatchObject({
      type: 'peers',
      incomplete: 2,
      externalIp: '10.0.0.2',
      peers: [{ host: '10.0.0.1', port: 6881 }],
    });
  });

  it('answers without a key where that is enough', async () => {
    const { http } = httpOf('known');
    expect(await announce(http, '/announce', { infoHash: V1 })).toMatchObject({ incomplete: 1 });
  });

  it('tells members what a peer is and which epoch it is, and strangers neither', async () => {
    const { http, tracker } = httpOf('known');
    await announce(http, '/announce', { ...other, infoHash: V1 }, '10.0.0.2');
    const member = await announce(http, `/announce/${MEMBER_KEY}/announce`, { fleet: true });
    expect(member).toMatchObject({
      trackerId: tracker.bootEpoch,
      peers: [{ flags: { v1: true, v2: false, member: false, complete: false, origin: false } }],
    });
    const third = { peerId: Buffer.from('-qB5000-000000000003'), infoHash: V1, fleet: true };
    const stranger = await announce(http, '/announce', third, '10.0.0.3');
    expect(stranger).not.toHaveProperty('trackerId');
    expect(stranger).toMatchObject({ peers: [{ port: 6881 }, { port: 6881 }] });
    expect(JSON.stringify(stranger)).not.toContain('flags');
  });

  it('answers in dictionary form with peer ids when asked', async () => {
    const { http } = httpOf('known');
    await announce(http, '/announce');
    const form = { ...other, compact: false, noPeerId: false };
    const told = await announce(http, '/announce', form, '10.0.0.2');
    expect(told).toMatchObject({ peers: [{ host: '10.0.0.1', peerId: QUERY.peerId }] });
  });

  it.each([
    ['no key', '/announce', {}, 'TRACKER_KEY_INVALID', 'never'],
    ['a wrong key', '/announce/wrong/announce', {}, 'TRACKER_KEY_INVALID', 'never'],
    [
      'a key of another torrent',
      `/announce/${STRANGER_KEY}/announce`,
      { infoHash: OTHER },
      'TRACKER_KEY_INVALID',
      'never',
    ],
    [
      'an unknown torrent',
      `/announce/${MEMBER_KEY}/announce`,
      { infoHash: UNKNOWN },
      'INFO_HASH_UNKNOWN',
      1,
    ],
    [
      'a host name',
      `/announce/${MEMBER_KEY}/announce`,
      { advertise: 'host.example:1' },
      'REQUEST_INVALID',
      'never',
    ],
  ] as const)('refuses %s in bencode, saying why', async (_what, base, change, code, retryIn) => {
    const { http } = httpOf('closed');
    const told = await announce(http, base, change);
    expect(told).toEqual({ type: 'failure', reason: expect.stringContaining(code), retryIn });
  });

  it('refuses what it cannot read, naming the parameter', async () => {
    const { http } = httpOf('known');
    const { status, body } = await get(http, '/announce?info_hash=abc');
    expect([status, body.toString()]).toEqual([
      200,
      'd14:failure reason51:info_hash does not have 20 bytes. (REQUEST_INVALID)8:retry in5:nevere',
    ]);
  });

  it('hides faults of its own', async () => {
    const broken = { lookup: () => Promise.reject(new Error('secret detail')) };
    const { http } = httpOf('known', { registry: broken });
    const told = await announce(http, '/announce');
    expect(told).toEqual({
      type: 'failure',
      reason: 'The tracker failed; try again.',
      retryIn: 1,
    });
  });

  it('sends everybody elsewhere while it is away: members soon, others in minutes', async () => {
    const { tracker } = trackerOf('closed');
    let reason: string | null = null;
    const http = new TrackerHttp(tracker, { away: () => reason });
    const path = `/announce/${MEMBER_KEY}/announce`;
    expect(await announce(http, path)).toMatchObject({ type: 'peers' });
    reason = 'come back to another one';
    expect(await announce(http, path)).toEqual({ type: 'failure', reason, retryIn: 1 });
    expect(await announce(http, path, { fleet: true })).toEqual({ type: 'failure', reason });
    expect(decodeScrapeAnswer((await get(http, '/scrape')).body)).toMatchObject({ reason });
  });

  it('scrapes what it knows and leaves out the rest', async () => {
    const { http } = httpOf('closed');
    await announce(http, `/announce/${MEMBER_KEY}/announce`, { left: 0 });
    const url = buildScrapeUrl(`/announce/${MEMBER_KEY}/announce`, [V1, UNKNOWN, OTHER])!;
    const { body } = await get(http, url);
    const none = { complete: 0, incomplete: 0, downloaded: 0, downloaders: 0 };
    expect(decodeScrapeAnswer(body)).toEqual({
      type: 'swarms',
      swarms: [
        { ...none, infoHash: V1, complete: 1 },
        { ...none, infoHash: OTHER },
      ],
    });
  });

  it('refuses a scrape without a key, and one of everything', async () => {
    const closed = await get(httpOf('closed').http, buildScrapeUrl('/announce', [V2])!);
    expect(decodeScrapeAnswer(closed.body)).toMatchObject({ type: 'failure', retryIn: 'never' });
    const all = await get(httpOf('open').http, '/scrape');
    expect(decodeScrapeAnswer(all.body)).toMatchObject({ type: 'failure' });
  });

  it.each(['/', '/announce/', '/announce/a/b/announce', '/announcex', '/stats'])(
    'knows no path %s',
    async (path) => {
      const { status, body } = await get(httpOf('open').http, path);
      expect([status, decodeAnnounceAnswer(body)]).toMatchObject([404, { type: 'failure' }]);
    },
  );

  it('answers garbage in bencode, always', async () => {
    const { http } = httpOf('known');
    const unit = fc.constantFrom(
      '/',
      'announce',
      'scrape',
      '%',
      '%e9',
      '..',
      'info_hash=',
      '&',
      'é',
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit }), fc.string({ unit }), async (path, rawQuery) => {
        const given = { path: `/${path}`, rawQuery, remoteAddress: 'x' };
        const { body } = await http.handle(given);
        expect(decodeAnnounceAnswer(body)).toMatchObject({ type: 'failure' });
      }),
    );
  });
});
