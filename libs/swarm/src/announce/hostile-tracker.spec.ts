import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';

import { afterEach, describe, expect, it } from 'vitest';

import { bdict, bencode, type BencodeInput } from '#lib/torrent';
import { MAX_ANSWER_PEERS, encodeCompactPeers } from '#lib/wire';

import { announcerOf, REQUEST } from './announcer.conformance.fixture.js';
import { serveHttp } from './http.tracker.fixture.js';
import { UdpTestTracker, connected, type UdpReaction } from './udp.tracker.fixture.js';

const opened: { close(): Promise<void> }[] = [];

afterEach(() => Promise.all(opened.splice(0).map((tracker) => tracker.close())));

async function http(listener: RequestListener): Promise<string> {
  const tracker = await serveHttp(listener);
  opened.push(tracker);
  return tracker.url;
}

async function udp(react: UdpReaction): Promise<string> {
  const tracker = await UdpTestTracker.open(react);
  opened.push(tracker);
  return tracker.url;
}

const INVALID = { code: 'TRACKER_ANSWER_INVALID' };
const peersOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ host: `10.0.${at >> 8}.${at & 255}`, port: 6881 }));

function answerWith(more: Record<string, BencodeInput>): Buffer {
  return bencode(bdict({ interval: 60, ...more }));
}

describe('a tracker over HTTP that', () => {
  it.each<[string, Buffer]>([
    ['answers nothing', Buffer.alloc(0)],
    ['answers HTML', Buffer.from('<html><body>It works!</body></html>')],
    ['answers a list', Buffer.from('le')],
    ['names no interval', Buffer.from('d5:peers0:e')],
    ['names an interval that is a text', Buffer.from('d8:interval2:605:peers0:e')],
    ['sends half a peer', answerWith({ peers: Buffer.alloc(7) })],
    ['sends more peers than anybody needs', answerWith({ peers: Buffer.alloc(6 * 10_000, 1) })],
    ['nests without end', Buffer.concat([Buffer.from('d1:a'), Buffer.alloc(100_000, 'l')])],
    ['promises a text of gigabytes', Buffer.from('d8:interval9999999999:e')],
    ['goes on behind its answer', Buffer.concat([answerWith({ peers: '' }), Buffer.from('xx')])],
  ])('%s is not believed', async (_, bytes) => {
    const url = await http((_request, response) => response.end(bytes));
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(INVALID);
  });

  it('never ends its answer is given up', async () => {
    const url = await http((_request, response) => {
      response.write('d8:interval');
      const timer = setInterval(() => response.write('0'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const hasty = announcerOf([[url]], { timeoutMs: 300 });
    await expect(hasty.announce(REQUEST)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('never ends its headers is given up', async () => {
    const url = await http((_request, response) => {
      response.socket!.write('HTTP/1.1 200 OK\r\nx: ');
      const timer = setInterval(() => response.socket?.write('0'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const hasty = announcerOf([[url]], { timeoutMs: 300 });
    await expect(hasty.announce(REQUEST)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('sends headers without end is given up', async () => {
    const url = await http((_request, response) => {
      response.socket!.write(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(1000)}\r\n`);
    });
    const unreachable = { code: 'ORIGIN_UNREACHABLE' };
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(unreachable);
  });

  it('redirects is not followed, be it in circles or anywhere else', async () => {
    let asked = 0;
    const url = await http((request, response) => {
      asked++;
      response.writeHead(302, { location: request.url! }).end();
    });
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(INVALID);
    expect(asked).toBe(1);
  });

  it('sends a bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    let accepted: string | string[] | undefined;
    const url = await http((request, response) => {
      accepted = request.headers['accept-encoding'];
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(INVALID);
    expect(accepted).toBeUndefined();
  });

  it('hangs up in the middle is out of reach', async () => {
    const url = await http((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('d8:');
      setTimeout(() => response.destroy(), 20);
    });
    const failed = { code: 'ORIGIN_UNREACHABLE' };
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(failed);
  });

  it('tells peers in whatever form has only those handed on that can be dialled', async () => {
    const dicts = [
      bdict({ ip: '10.0.0.1', port: 0 }),
      bdict({ ip: '10.0.0.2', port: 70_000 }),
      bdict({ ip: '10.0.0.3', port: -1 }),
      bdict({ ip: 'metadata.internal', port: 80 }),
      bdict({ ip: '10.0.0.300', port: 80 }),
      bdict({ port: 80 }),
      'nonsense',
      bdict({ ip: '10.0.0.4', port: 80 }),
    ];
    const url = await http((_request, response) => response.end(answerWith({ peers: dicts })));
    const { peers } = await announcerOf([[url]]).announce(REQUEST);
    expect(peers.map(({ host, port }) => [host, port])).toEqual([['10.0.0.4', 80]]);
    const compact = answerWith({
      peers: encodeCompactPeers(
        [
          { host: '10.0.0.5', port: 0 },
          { host: '10.0.0.6', port: 81 },
        ],
        4,
      ),
    });
    const other = await http((_request, response) => response.end(compact));
    const told = await announcerOf([[other]]).announce(REQUEST);
    expect(told.peers.map(({ host }) => host)).toEqual(['10.0.0.6']);
  });

  it('wants to be asked at once, or never, is asked at a sane pace', async () => {
    const url = await http((_request, response) => response.end(answerWith({ interval: 0 })));
    expect((await announcerOf([[url]]).announce(REQUEST)).intervalMs).toBe(1000);
    const huge = Buffer.from('d8:intervali9007199254740991ee');
    const never = await http((_request, response) => response.end(huge));
    const { intervalMs } = await announcerOf([[never]]).announce(REQUEST);
    expect(intervalMs).toBeLessThanOrEqual(24 * 60 * 60_000);
  });

  it('answers what it likes does not keep the next tier from being asked', async () => {
    const bad = await http((_request, response) => response.end('nonsense'));
    const good = await http((_request, response) =>
      response.end(answerWith({ peers: encodeCompactPeers(peersOf(5), 4) })),
    );
    expect((await announcerOf([[bad], [good]]).announce(REQUEST)).peers.length).toBe(5);
  });
});

describe('a tracker over UDP that', () => {
  const withTransaction = (bytes: Buffer, transactionId: number) => {
    bytes.writeUInt32BE(transactionId, 4);
    return bytes;
  };
  const announceOf = (tail: Buffer) => {
    const head = Buffer.alloc(20);
    head.writeUInt32BE(1, 0);
    return Buffer.concat([head, tail]);
  };

  it.each<[string, Buffer]>([
    ['sends half a peer', announceOf(Buffer.alloc(5, 1))],
    ['cuts its answer off', announceOf(Buffer.alloc(0)).subarray(0, 12)],
    ['sends more peers than anybody needs', announceOf(Buffer.alloc(6 * 5001, 1))],
  ])('%s is not believed', async (_, bytes) => {
    const url = await udp((request) => {
      if (request.action === 'connect') return connected(request);
      return withTransaction(Buffer.from(bytes), request.transactionId);
    });
    await expect(announcerOf([[url]]).announce(REQUEST)).rejects.toMatchObject(INVALID);
  });

  it('answers with noise and other requests’ answers is waited for', async () => {
    const noise = [
      Buffer.alloc(0),
      Buffer.alloc(3),
      Buffer.alloc(2000, 7),
      announceOf(Buffer.alloc(6)),
    ];
    let tracker: UdpTestTracker | null = null;
    tracker = await UdpTestTracker.open((request, from) => {
      for (const bytes of noise) tracker!.send(bytes, from);
      if (request.action === 'connect') return connected(request);
      const { transactionId } = request;
      const peers = [
        { host: '10.0.0.1', port: 0 },
        { host: '10.0.0.2', port: 6881 },
      ];
      return { action: 'announce', transactionId, interval: 60, complete: 1, incomplete: 0, peers };
    });
    opened.push(tracker);
    const { peers } = await announcerOf([[tracker.url]]).announce(REQUEST);
    expect(peers.map(({ host }) => host)).toEqual(['10.0.0.2']);
  });

  it('tells as many peers as a datagram has room for is taken at its word', async () => {
    const url = await udp((request) => {
      if (request.action === 'connect') return connected(request);
      const { transactionId } = request;
      const peers = peersOf(MAX_ANSWER_PEERS);
      return { action: 'announce', transactionId, interval: 60, complete: 1, incomplete: 0, peers };
    });
    expect((await announcerOf([[url]]).announce(REQUEST)).peers.length).toBe(MAX_ANSWER_PEERS);
  });
});
