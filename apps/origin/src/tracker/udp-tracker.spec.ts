import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { parseMetainfo, type Metainfo } from '#lib/torrent';
import { decodeUdpAnswer, encodeUdpRequest, type UdpAnswer, type UdpRequest } from '#lib/wire';

import { TestOrigin } from '../targets/agent.fixture.js';

const origins: TestOrigin[] = [];
afterEach(async () => {
  for (const origin of origins.splice(0)) await origin.close();
});

async function started(config: Readonly<Record<string, unknown>>): Promise<TestOrigin> {
  const origin = await TestOrigin.start({ roles: 'api,tracker,work', ...config });
  origins.push(origin);
  return origin;
}

async function torrentOf(origin: TestOrigin): Promise<Metainfo> {
  await origin.publish('web', '1', Buffer.from('one'));
  const admin = await origin.client();
  const path = '/api/v1/apps/web/releases/1/torrent';
  return parseMetainfo(await admin.bytes({ method: 'GET', path }));
}

/** One client after another, each with a socket of its own. */
async function announce(url: URL, torrent: Metainfo, port: number): Promise<UdpAnswer> {
  const socket = createSocket('udp4');
  const ask = async (request: UdpRequest) => {
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
    socket.send(encodeUdpRequest(request), Number(url.port), url.hostname);
    const [bytes] = (await answered) as [Buffer];
    return decodeUdpAnswer(bytes, 4);
  };
  const connected = await ask({ action: 'connect', transactionId: 1 });
  if (connected.action !== 'connect') throw new Error(connected.action);
  const told = await ask({
    action: 'announce',
    connectionId: connected.connectionId,
    transactionId: 2,
    infoHash: torrent.infoHashV1!,
    peerId: Buffer.alloc(20, port),
    downloaded: 0,
    left: 3,
    uploaded: 0,
    event: 'started',
    ip: 0,
    key: 0,
    numWant: null,
    port,
    urlData: url.pathname,
  });
  socket.close();
  return told;
}

describe('the UDP tracker', () => {
  it('brings those together who come with the key of a torrent that was handed out', async () => {
    const origin = await started({ udpTracker: '127.0.0.1:0' });
    expect(origin.ready.udpTracker).toMatch(/^udp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const torrent = await torrentOf(origin);
    expect(torrent.announce).toEqual([
      [expect.stringMatching(/^http:.*\/announce\/k\.[^/]+\/announce$/)],
      [torrent.announce[0]![0]!.replace(origin.url, origin.ready.udpTracker!)],
    ]);
    const url = new URL(torrent.announce[1]![0]!);
    expect(await announce(url, torrent, 7001)).toMatchObject({ action: 'announce', peers: [] });
    const told = await announce(url, torrent, 7002);
    expect(told).toMatchObject({ incomplete: 2, peers: [{ host: '127.0.0.1', port: 7001 }] });
    url.pathname = '/announce';
    expect(await announce(url, torrent, 7003)).toMatchObject({
      action: 'error',
      message: expect.stringContaining('TRACKER_KEY_INVALID') as string,
    });
  });

  it('is named by the host under which the service is known', async () => {
    const config = { udpTracker: '127.0.0.1:0', publicUrl: 'https://fleet.example/' };
    const origin = await started(config);
    const { port } = new URL(origin.ready.udpTracker!);
    const [[http], [udp]] = (await torrentOf(origin)).announce as [[string], [string]];
    expect(new URL(http).host).toBe('fleet.example');
    expect(new URL(udp).host).toBe(`fleet.example:${port}`);
  });

  it('is not there, nor in torrents, unless asked for', async () => {
    const origin = await started({});
    expect(origin.ready.udpTracker).toBeNull();
    expect((await torrentOf(origin)).announce).toHaveLength(1);
  });

  it('gives its port free at the end, and names the flag when it cannot have it', async () => {
    const origin = await started({ udpTracker: '127.0.0.1:0' });
    const udpTracker = new URL(origin.ready.udpTracker!).host;
    await expect(started({ udpTracker })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      facts: { key: 'udpTracker' },
    });
    await origins.pop()!.close();
    expect((await started({ udpTracker })).ready.udpTracker).toBe(origin.ready.udpTracker);
  });
});
