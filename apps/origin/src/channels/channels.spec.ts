import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AppSummary, ChannelState, Page, Release, SwarmTicket } from '#lib/contracts';
import { parseMetainfo } from '#lib/torrent';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

let origin: TestOrigin;

beforeAll(async () => {
  origin = await TestOrigin.start();
  for (const version of ['1', '2', '3']) {
    await origin.push('web', new TestTree({ a: noise(100, version) }, { version }));
  }
});
afterAll(() => origin.stop());

const move = (channel: string, version: string, expectedSequence?: number) =>
  origin.call<ChannelState>('PUT', `/apps/web/channels/${channel}`, {
    json: { version, expectedSequence },
  });

describe('a channel', () => {
  it('gets an entry with every move, and none when it points there already', async () => {
    expect((await move('stable', '1')).body).toMatchObject({
      sequence: 1,
      version: '1',
      movedBy: 'admin',
    });
    expect((await move('stable', '2')).body).toMatchObject({ sequence: 2, version: '2' });
    expect(await move('stable', '2')).toMatchObject({ status: 200, body: { sequence: 2 } });
    expect((await move('stable', '1')).body).toMatchObject({ sequence: 3, version: '1' });
    const history = await origin.call<Page<ChannelState>>(
      'GET',
      '/apps/web/channels/stable/history?limit=2',
    );
    expect(history.body.items.map(({ sequence }) => sequence)).toEqual([3, 2]);
    const rest = await origin.call<Page<ChannelState>>(
      'GET',
      `/apps/web/channels/stable/history?after=${history.body.next}`,
    );
    expect(rest.body).toMatchObject({ items: [{ sequence: 1 }], next: null });
  });

  it('obeys the sequence that a move expects', async () => {
    expect((await move('guarded', '1', 0)).status).toBe(200);
    const late = await move('guarded', '2', 0);
    expect(late).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED' } });
    expect((await move('guarded', '2', 1)).body).toMatchObject({ sequence: 2 });
  });

  it('keeps every one of many racing moves in its log', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, index) => move('busy', String((index % 3) + 1))),
    );
    const { body } = await origin.call<Page<ChannelState>>(
      'GET',
      '/apps/web/channels/busy/history',
    );
    const sequences = body.items.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => sequences.length - index));
  });

  it('points only to what is there', async () => {
    expect(await move('stable', '9')).toMatchObject({
      status: 404,
      body: { code: 'VERSION_NOT_FOUND' },
    });
    const none = await origin.call('GET', '/apps/web/channels/none');
    expect(none).toMatchObject({ status: 404, body: { code: 'CHANNEL_NOT_FOUND' } });
  });

  it('is there after a restart', async () => {
    await move('lasting', '3');
    await origin.restart();
    const { body } = await origin.call<ChannelState>('GET', '/apps/web/channels/lasting');
    expect(body).toMatchObject({ sequence: 1, version: '3' });
  });
});

describe('releases', () => {
  it('are listed newest first, in pages', async () => {
    const first = await origin.call<Page<Release>>('GET', '/apps/web/releases?limit=2');
    expect(first.body.items.map(({ version }) => version)).toEqual(['3', '2']);
    const second = await origin.call<Page<Release>>(
      'GET',
      `/apps/web/releases?after=${first.body.next}`,
    );
    expect(second.body.items.map(({ version }) => version)).toEqual(['1']);
    expect(second.body.next).toBeNull();
  });

  it('are counted by app, for those who may read it', async () => {
    const { body } = await origin.call<Page<AppSummary>>('GET', '/apps');
    expect(body.items).toMatchObject([{ app: 'web', releases: 3 }]);
    const { secret } = await origin.token('app:other:read');
    expect((await origin.call('GET', '/apps', { token: secret })).body).toEqual({
      items: [],
      next: null,
    });
  });

  it('that are not there are told apart from apps that are not', async () => {
    const version = await origin.call('GET', '/apps/web/releases/9');
    expect(version).toMatchObject({ status: 404, body: { code: 'VERSION_NOT_FOUND' } });
    const app = await origin.call('GET', '/apps/nothing/releases/9');
    expect(app).toMatchObject({ status: 404, body: { code: 'APP_NOT_FOUND' } });
  });

  it('have a torrent with a key of its own, and a ticket for our own peers', async () => {
    const { body: release } = await origin.call<Release>('GET', '/apps/web/releases/1');
    const answer = await fetch(`${origin.api}/apps/web/releases/1/torrent?webSeed=1`, {
      headers: { authorization: `Bearer ${origin.admin}` },
    });
    expect(answer.headers.get('content-type')).toBe('application/x-bittorrent');
    const metainfo = parseMetainfo(Buffer.from(await answer.arrayBuffer()));
    const base = new URL(origin.api).origin;
    expect(metainfo.infoHashV2?.toString('hex')).toBe(release.artifact);
    expect(metainfo.announce[0]?.[0]).toMatch(new RegExp(`^${base}/announce/k\\.[^/]+/announce$`));
    expect(metainfo.webSeeds[0]).toMatch(
      new RegExp(`^${base}/webseed/k\\.[^/]+/${release.artifact}/$`),
    );
    const ticket = await origin.call<SwarmTicket>('GET', `/artifacts/${release.artifact}/ticket`);
    expect(ticket.body).toMatchObject({
      artifact: release.artifact,
      webSeed: expect.any(String) as string,
    });
    expect(Buffer.from(ticket.body.swarmSecret, 'base64url')).toHaveLength(32);
  });

  it('keep their artifacts from tokens that may not read the app', async () => {
    const { body: release } = await origin.call<Release>('GET', '/apps/web/releases/1');
    const { secret } = await origin.token('app:other:read');
    for (const path of ['metainfo', 'ticket']) {
      const hidden = await origin.call('GET', `/artifacts/${release.artifact}/${path}`, {
        token: secret,
      });
      expect(hidden).toMatchObject({ status: 404, body: { code: 'ARTIFACT_NOT_FOUND' } });
    }
  });
});
