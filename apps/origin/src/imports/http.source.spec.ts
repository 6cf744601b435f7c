import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { silentLogger } from '#lib/runtime';

import { FileServer, sendFile } from '../../../../test/support/file-server.js';
import { noise } from '../origin.fixture.js';
import { AddressPolicy } from './address.policy.js';
import { GuardedConnections, type Resolve } from './guarded.connections.js';
import { HttpSource } from './http.source.js';
import type { RemoteContent } from './remote.source.js';
import { SteadyDownload } from './steady.download.js';

const FILE = noise(3 * 1024 * 1024 + 7, 'file');
const ETAG = '"one"';
const SIGNAL = new AbortController().signal;

let server: FileServer;
const sources: HttpSource[] = [];
beforeEach(async () => {
  server = await FileServer.start();
  server.serve(FILE, ETAG);
});
afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await server.stop();
});

interface Options {
  readonly hosts?: string[];
  readonly resolve?: Resolve;
  readonly insecureHttp?: boolean;
  readonly endIsChecked?: boolean;
}

function sourceOf(url: string, options: Options = {}): HttpSource {
  const { hosts = ['127.0.0.1'], insecureHttp = true, endIsChecked = false, resolve } = options;
  const addresses = new AddressPolicy(hosts);
  const connections = new GuardedConnections(addresses, silentLogger, resolve);
  const rules = { addresses, insecureHttp };
  const source = new HttpSource(new URL(url), { rules, connections, endIsChecked, silenceMs: 500 });
  sources.push(source);
  return source;
}

async function read(content: RemoteContent): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function download(source: HttpSource, maxBytes = 1e9): Promise<Buffer> {
  const first = await source.open(null, SIGNAL);
  const backoff = { startMs: 1, limitMs: 2 };
  const options = { signal: SIGNAL, maxBytes, backoff, silenceMs: 200 };
  const chunks: Buffer[] = [];
  for await (const chunk of new SteadyDownload(source, first, options).bytes()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a file on a web server', () => {
  it('is read whole, and from where somebody was', async () => {
    const source = sourceOf(`${server.url}/file`);
    const whole = await source.open(null, SIGNAL);
    expect(whole).toMatchObject({ length: FILE.length, version: ETAG, offset: 0 });
    expect(await read(whole)).toEqual(FILE);
    const rest = await source.open({ offset: 1_000_000, version: ETAG }, SIGNAL);
    expect(rest).toMatchObject({ length: FILE.length, version: ETAG, offset: 1_000_000 });
    expect(await read(rest)).toEqual(FILE.subarray(1_000_000));
  });

  it('of another version is given from its beginning', async () => {
    const source = sourceOf(`${server.url}/file`);
    const other = await source.open({ offset: 1_000_000, version: '"zero"' }, SIGNAL);
    expect(other).toMatchObject({ version: ETAG, offset: 0 });
    expect(await read(other)).toEqual(FILE);
  });

  it('is given from its beginning by a server that heeds no If-Range, or has a shorter file by now', async () => {
    for (const status of [206, 416]) {
      server.answer((request, response) => {
        if (!request.headers.range) return sendFile(request, response, FILE, '"two"');
        const range = {
          'content-range': `bytes 9-${FILE.length - 1}/${FILE.length}`,
          etag: '"two"',
        };
        response.writeHead(status, status === 206 ? range : {}).end('other bytes');
      });
      const source = sourceOf(`${server.url}/file`);
      const content = await source.open({ offset: 9, version: ETAG }, SIGNAL);
      expect(content).toMatchObject({ version: '"two"', offset: 0 });
      expect(await read(content)).toEqual(FILE);
    }
  });

  it.each(['W/"weak"', 'naked', ''])('has no version under the tag %s', async (etag) => {
    server.serve(FILE, etag);
    expect(await sourceOf(server.url).open(null, SIGNAL)).toMatchObject({ version: null });
  });

  it.each([
    [404, 'SOURCE_NOT_FOUND'],
    [401, 'SOURCE_REFUSED'],
    [403, 'SOURCE_REFUSED'],
    [204, 'SOURCE_REFUSED'],
    [429, 'SOURCE_UNAVAILABLE'],
    [503, 'SOURCE_UNAVAILABLE'],
  ])('answered %s is %s', async (status, code) => {
    server.answer((_, response) => response.writeHead(status).end());
    await expect(sourceOf(server.url).open(null, SIGNAL)).rejects.toMatchObject({ code });
  });

  it('is not taken encoded, nor where its end cannot be told', async () => {
    server.answer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    );
    const refused = { code: 'SOURCE_REFUSED' };
    await expect(sourceOf(server.url).open(null, SIGNAL)).rejects.toMatchObject(refused);
    server.answer((_, response) => {
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.removeHeader('transfer-encoding');
      response.writeHead(200, { connection: 'close' });
      response.end('until the connection closes');
    });
    await expect(sourceOf(server.url).open(null, SIGNAL)).rejects.toMatchObject(refused);
    const checked = await sourceOf(server.url, { endIsChecked: true }).open(null, SIGNAL);
    expect((await read(checked)).toString()).toBe('until the connection closes');
  });

  it('is asked for with the password of its URL, which goes to nobody else', async () => {
    const other = await FileServer.start();
    other.serve(FILE, ETAG);
    server.answer((_, response) => response.writeHead(302, { location: `${other.url}/x` }).end());
    const url = `http://ci:p%40ss@127.0.0.1:${server.port}/file`;
    await sourceOf(url).open(null, SIGNAL);
    const basic = `Basic ${Buffer.from('ci:p@ss').toString('base64')}`;
    expect(server.requests[0]?.headers.authorization).toBe(basic);
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    await other.stop();
  });
});

describe('who is asked', () => {
  const refused = { code: 'SOURCE_REFUSED' };

  it('is not this machine, under whatever name', async () => {
    const hosts: string[] = [];
    for (const url of [server.url, `http://localhost:${server.port}`]) {
      const opened = sourceOf(url, { hosts }).open(null, SIGNAL);
      await expect(opened).rejects.toMatchObject(refused);
    }
    const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const named = sourceOf(`http://builds.example:${server.port}`, { hosts, resolve });
    await expect(named.open(null, SIGNAL)).rejects.toMatchObject(refused);
    expect(server.requests).toEqual([]);
  });

  it('is not whom a redirect leads to, if that is not allowed', async () => {
    const leads = [
      `http://[::1]:${server.port}/x`,
      'http://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
      `http://127.0.0.2:${server.port}/x`,
    ];
    for (const location of leads) {
      server.answer((_, response) => response.writeHead(307, { location }).end());
      const opened = sourceOf(server.url).open(null, SIGNAL);
      await expect(opened).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:SOURCE_REFUSED|REQUEST_INVALID)$/) as string,
      });
    }
    expect(server.requests).toHaveLength(leads.length);
  });

  it('is not asked in the clear after all, when a redirect leaves https', async () => {
    const source = sourceOf(server.url, { insecureHttp: false });
    await expect(source.open(null, SIGNAL)).rejects.toMatchObject(refused);
  });

  it('is led on a few times and not for ever', async () => {
    server.answer((_, response) => response.writeHead(302, { location: '/again' }).end());
    await expect(sourceOf(server.url).open(null, SIGNAL)).rejects.toMatchObject(refused);
    expect(server.requests).toHaveLength(6);
  });

  it('is the address that was checked, though its name means another one a moment later', async () => {
    const answers = ['127.0.0.1', '10.9.9.9'];
    const resolve: Resolve = async () => [{ address: answers.shift()!, family: 4 }];
    const url = `http://builds.example:${server.port}/file`;
    const source = sourceOf(url, { resolve });
    expect(await read(await source.open(null, SIGNAL))).toEqual(FILE);
    expect(answers).toEqual(['10.9.9.9']);
  });

  it('is nobody if there is no such host, which no new try will change', async () => {
    const resolve: Resolve = async () => {
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    };
    const opened = sourceOf('http://builds.example', { resolve }).open(null, SIGNAL);
    await expect(opened).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  it('is refused if one of its addresses is bad', async () => {
    const resolve: Resolve = async () =>
      ['127.0.0.1', '10.0.0.1'].map((address) => ({ address, family: 4 }));
    const opened = sourceOf(`http://builds.example:${server.port}`, { resolve }).open(null, SIGNAL);
    await expect(opened).rejects.toMatchObject(refused);
  });
});

describe('a download', () => {
  it('goes on where the connection broke, again and again', async () => {
    let cut = 0;
    server.answer((request, response) => {
      cut += 1_100_000;
      sendFile(request, response, FILE, ETAG, cut);
    });
    expect(await download(sourceOf(server.url))).toEqual(FILE);
    const asked = server.requests.map(({ headers }) => headers['if-range']);
    expect(asked).toEqual([undefined, ETAG, ETAG]);
  });

  it('is never of two versions', async () => {
    const other = noise(FILE.length, 'other');
    server.answer((request, response) => {
      const isFirst = server.requests.length === 1;
      sendFile(
        request,
        response,
        isFirst ? FILE : other,
        isFirst ? ETAG : '"two"',
        isFirst ? 1e6 : 1e9,
      );
    });
    await expect(download(sourceOf(server.url))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it('ends when the source brings nothing for long, or will not stop', async () => {
    server.answer((_, response) => response.writeHead(200, { 'content-length': 10 }).write('x'));
    const silent = download(sourceOf(server.url));
    await expect(silent).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    server.answer((_, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    const endless = download(sourceOf(server.url), 1_000_000);
    await expect(endless).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('gives a dripping source up', async () => {
    server.answer((_, response) => {
      response.writeHead(200, { 'content-length': 1e9 });
      const timer = setInterval(() => response.write('drop'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const dripping = download(sourceOf(server.url));
    await expect(dripping).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  it('is refused beforehand when it is too large', async () => {
    const large = download(sourceOf(server.url), FILE.length - 1);
    await expect(large).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });
});
