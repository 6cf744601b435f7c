import dns, { type LookupOptions } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { openS3Depot } from '#lib/depot';

import { FaultProxy } from '../support/s3/fault-proxy.js';
import { startLaxStore, type LaxStore } from '../support/s3/lax-store.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';
import { hasVersitygw, startVersitygw } from '../support/s3/versitygw.js';

/** A store that is named from outside may have no hosts for buckets: this needs one of our own. */
const canBuild = await hasVersitygw();
const HASTY = { timeoutMs: 1500, totalMs: 1500 };

let server: S3Server;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
}, 1_200_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
afterEach(() => proxy.reset());

const unusable = (setting: string, text: RegExp) => ({
  code: 'DEPOT_UNUSABLE',
  facts: { setting },
  message: expect.stringMatching(text) as string,
});

describe('a store that cannot be used is refused before anything is written, naming', () => {
  it('a bucket that does not exist', async () => {
    const open = openDepot(server, { bucket: 'no-such-bucket' });
    await expect(open).rejects.toMatchObject(unusable('bucket', /no bucket of this name/));
  });

  it('credentials that are wrong', async () => {
    const { credentials } = server;
    const stranger = openDepot(server, { credentials: { ...credentials, accessKeyId: 'nobody' } });
    await expect(stranger).rejects.toMatchObject(unusable('credentials', /access key/));
    const secretAccessKey = 'guessed';
    const guess = openDepot(server, { credentials: { ...credentials, secretAccessKey } });
    await expect(guess).rejects.toMatchObject(unusable('credentials', /secret key/));
  });

  it('the wrong region', async () => {
    const open = openDepot(server, { region: 'eu-north-7' });
    await expect(open).rejects.toMatchObject(unusable('region', /region/));
  });

  it.each([-60, 60])('a clock that is %i minutes off', async (minutes) => {
    proxy.clockOffsetMs = minutes * 60_000;
    const open = openDepot(server, { endpoint: proxy.endpoint });
    const [text] = minutes < 0 ? [/60 minutes ahead of/] : [/60 minutes behind/];
    await expect(open).rejects.toMatchObject(unusable('clock', text));
    expect(proxy.seen.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  it('an endpoint where nobody listens, or that is silent', async () => {
    const nobody = openDepot(server, { endpoint: 'http://127.0.0.1:1', patience: HASTY });
    await expect(nobody).rejects.toMatchObject(unusable('endpoint', /ECONNREFUSED/));
    proxy.plan('silent', () => true, 1000);
    const silent = openDepot(server, { endpoint: proxy.endpoint, patience: HASTY });
    await expect(silent).rejects.toMatchObject(unusable('endpoint', /silent/));
  });

  it('an endpoint that is no S3 store', async () => {
    const web = createServer((_, response) => response.writeHead(404).end('<html>no</html>'));
    const endpoint = await listen(web);
    const open = openDepot(server, { endpoint, patience: HASTY });
    await expect(open).rejects.toMatchObject(unusable('endpoint', /does not answer as S3/));
    web.close();
  });
});

describe('a bucket is reached', () => {
  it('with a session token, which goes along with every request', async () => {
    const credentials = { ...server.credentials, sessionToken: 'for-this-hour' };
    const open = openDepot(server, { endpoint: proxy.endpoint, credentials });
    // The store that the tests run knows no such tokens, and so tells that it has seen one.
    await expect(open).rejects.toMatchObject(unusable('credentials', /session token/));
    const tokens = proxy.seen.map(({ headers }) => headers['x-amz-security-token']);
    expect(tokens).toEqual(['for-this-hour']);
  });

  it.runIf(canBuild)('by a host of its own', async () => {
    const credentials = { accessKeyId: 'fleetseed', secretAccessKey: 'virtual-hosts' };
    const gateway = await startVersitygw('depot', credentials, 's3.test');
    try {
      const lookup = vi.spyOn(dns, 'lookup');
      const loopback = (_: string, options: LookupOptions, done: (...found: unknown[]) => void) =>
        options.all
          ? done(null, [{ address: '127.0.0.1', family: 4 }])
          : done(null, '127.0.0.1', 4);
      lookup.mockImplementation(loopback as unknown as typeof dns.lookup);
      const endpoint = gateway.endpoint.replace('127.0.0.1', 's3.test');
      const place = { endpoint, bucket: 'depot', region: 'us-east-1', credentials };
      const depot = await openS3Depot({ ...place, pathStyle: false });
      await depot.createDocument('a/b', Buffer.from('x'));
      expect((await depot.list('')).keys).toEqual(['a/b', 'depot.json']);
      expect(lookup.mock.calls.map(([host]) => host)).toContain('depot.s3.test');
      await depot.close();
    } finally {
      vi.restoreAllMocks();
      await gateway.stop();
    }
  });
});

describe('a store that does not keep to the conditions of writes is refused', () => {
  let lax: LaxStore;
  afterEach(() => lax.stop());

  const open = () => openDepot(server, { endpoint: lax.endpoint, bucket: 'lax', patience: HASTY });

  it.each([
    [['If-None-Match', 'If-Match'], /does not honour If-None-Match .*racers won/],
    [['If-Match'], /does not honour If-Match .*racers won/],
  ] as const)('when it ignores %j', async (ignores, text) => {
    lax = await startLaxStore({ ignores });
    await expect(open()).rejects.toMatchObject(unusable('endpoint', text));
    expect(lax.keys()).toEqual([]);
  });

  it('when it looks first and writes later, so that several racers win', async () => {
    lax = await startLaxStore({ isRacy: true });
    await expect(open()).rejects.toMatchObject(unusable('endpoint', /racers won/));
  });

  it('when it does not know them', async () => {
    lax = await startLaxStore({ refuses: true });
    await expect(open()).rejects.toMatchObject(unusable('endpoint', /does not know it/));
  });

  it('when it forgets metadata', async () => {
    lax = await startLaxStore({ forgetsMetadata: true });
    await expect(open()).rejects.toMatchObject(unusable('endpoint', /metadata/));
  });

  it('and not when it keeps to them', async () => {
    lax = await startLaxStore({});
    const depot = await open();
    expect(lax.keys()).toEqual([expect.stringMatching(/depot\.json$/)]);
    await depot.close();
  });
});

async function listen(web: Server): Promise<string> {
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}
