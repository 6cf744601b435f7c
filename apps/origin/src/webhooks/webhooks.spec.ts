import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Job, Page } from '#lib/contracts';

import { checkConfig } from '../config/config-parser.js';
import { noise, TestOrigin, TestTree } from '../origin.fixture.js';
import { startOrigin } from '../origin.js';

const SECRET = 'a secret of some length';

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with these statuses, one after the other, and 204 behind them. */
class Receiver {
  readonly told: Told[] = [];
  readonly statuses: number[] = [];
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        this.told.push({ headers: request.headers, body });
        response.writeHead(this.statuses.shift() ?? 204, { location: '/elsewhere' }).end();
      });
    }).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    await closed;
    this.#server = undefined;
  }

  events(): string[] {
    return this.told.map(({ headers }) => String(headers['fleetseed-event']));
  }
}

let folder: string;
let receiver: Receiver;
let origin: TestOrigin;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-webhook-'));
  await writeFile(join(folder, 'secret'), `${SECRET}\n`);
  receiver = new Receiver();
  await receiver.start();
  origin = await TestOrigin.start({
    roles: 'api,tracker,work',
    webhookUrl: receiver.url,
    webhookSecretFile: join(folder, 'secret'),
  });
});
afterEach(async () => {
  await origin.stop();
  await receiver.stop();
  await rm(folder, { recursive: true });
});

const push = (version: string) =>
  origin.push('web', new TestTree({ f: noise(1000, version) }, { version }));

const untilTold = (...events: string[]) =>
  vi.waitFor(() => expect(receiver.events()).toEqual(events), { timeout: 20_000 });

describe('webhooks', () => {
  it('tell of releases and channels, signed so that it can be checked', async () => {
    await push('1');
    await origin.call('PUT', '/apps/web/channels/stable', { json: { version: '1' } });
    await untilTold('release.published', 'channel.moved');
    const [release, channel] = receiver.told.map(({ body }) => JSON.parse(body) as object);
    expect(release).toMatchObject({ data: { app: 'web', version: '1' } });
    expect(channel).toMatchObject({ data: { channel: 'stable', sequence: 1, version: '1' } });
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.told;
    const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
      String(headers['fleetseed-signature']),
    )!;
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(120);
    expect(mac).toBe(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex'));
    // What is there already is no news.
    await push('1');
    await origin.call('PUT', '/apps/web/channels/stable', { json: { version: '1' } });
    await push('2');
    await untilTold('release.published', 'channel.moved', 'release.published');
  });

  it('are sent again until they are taken, with one id, and follow nobody elsewhere', async () => {
    receiver.statuses.push(500, 302);
    await push('1');
    await untilTold('release.published', 'release.published', 'release.published');
    const ids = receiver.told.map(({ headers }) => headers['fleetseed-delivery']);
    expect(new Set(ids).size).toBe(1);
    await vi.waitFor(async () => {
      const { body } = await origin.call<Page<Job>>('GET', '/jobs');
      const notify = body.items.find(({ name }) => name === 'notify');
      expect(notify).toMatchObject({ state: 'done', attempts: 3, result: { status: 204 } });
    });
  });

  it('are not lost when the receiver is away and the origin ends', async () => {
    await receiver.stop();
    expect(await push('1')).toMatchObject({ state: 'published' });
    await origin.restart(() => receiver.start());
    await untilTold('release.published');
  });
});

describe('a start with webhooks that cannot be', () => {
  it('names the setting', async () => {
    expect(() => checkConfig({ webhookUrl: receiver.url })).toThrow(/WEBHOOK_SECRET_FILE/);
    expect(() => checkConfig({ webhookSecretFile: 'x' })).toThrow(/WEBHOOK_URL/);
    await writeFile(join(folder, 'short'), 'short');
    for (const file of ['none', 'short']) {
      const webhookSecretFile = join(folder, file);
      const config = checkConfig({
        data: join(folder, 'data'),
        listen: '127.0.0.1:0',
        webhookUrl: receiver.url,
        webhookSecretFile,
      });
      await expect(startOrigin(config)).rejects.toThrow(/FLEETSEED_WEBHOOK_SECRET_FILE/);
    }
  });
});

describe('a receiver that wants a password', () => {
  it('is given it in a header, and it is nowhere to be seen', async () => {
    await origin.stop();
    receiver.statuses.push(...Array.from({ length: 3 }, () => 401));
    const url = new URL(receiver.url);
    url.username = 'fleet';
    url.password = 'p@ss';
    origin = await TestOrigin.start({
      roles: 'api,tracker,work',
      webhookUrl: url.href,
      webhookSecretFile: join(folder, 'secret'),
    });
    await origin.push('web', new TestTree({ a: noise(10, 'a') }, { version: '1' }));
    await vi.waitFor(() => expect(receiver.told.length).toBeGreaterThan(0), { timeout: 10_000 });
    expect(receiver.told[0]?.headers.authorization).toBe(`Basic ${btoa('fleet:p@ss')}`);
    const { body } = await origin.call<Page<Job>>('GET', '/jobs');
    expect(JSON.stringify(body)).not.toMatch(/p@ss|p%40ss/);
  });
});
