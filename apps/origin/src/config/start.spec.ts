import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import type { SwarmTicket, Upload } from '#lib/contracts';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';
import { startOrigin } from '../origin.js';
import { checkConfig } from './config-parser.js';

let origin: TestOrigin;
afterEach(() => origin.stop());

async function announcedTo(headers: Record<string, string>): Promise<string> {
  const upload: Upload = await origin.push(
    'web',
    new TestTree({ a: noise(9, 'a') }, { version: '1' }),
  );
  const path = `/artifacts/${upload.release?.artifact}/ticket`;
  const { body } = await origin.call<SwarmTicket>('GET', path, { headers });
  return new URL(body.announce[0]![0]!).origin;
}

describe('URLs that callers are given', () => {
  it('lead where the caller has reached us', async () => {
    origin = await TestOrigin.start();
    const forwarded = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    expect(await announcedTo(forwarded)).toBe(new URL(origin.api).origin);
  });

  it('are those that a trusted proxy names', async () => {
    origin = await TestOrigin.start({ trustedProxies: '127.0.0.1' });
    const forwarded = { 'x-forwarded-host': 'deploy.example', 'x-forwarded-proto': 'https' };
    expect(await announcedTo(forwarded)).toBe('https://deploy.example');
  });

  it('are the configured ones before all else', async () => {
    origin = await TestOrigin.start({ publicUrl: 'https://fleet.example/' });
    expect(await announcedTo({})).toBe('https://fleet.example');
  });
});

describe('a start that cannot be', () => {
  it('names the key', async () => {
    origin = await TestOrigin.start();
    const invalid = (key: string) => ({ code: 'CONFIG_INVALID', facts: { key } });
    const start = (options: Record<string, unknown>) => TestOrigin.start(options);
    const { port } = new URL(origin.api);
    await expect(start({ trustedProxies: 'nonsense' })).rejects.toMatchObject(
      invalid('trustedProxies'),
    );
    await expect(start({ listen: `127.0.0.1:${port}` })).rejects.toMatchObject(invalid('listen'));
  });

  it('leaves nothing behind for a setting that can be told to be wrong before', async () => {
    origin = await TestOrigin.start();
    const data = join(origin.folder, 'other');
    const webhookSecretFile = join(origin.folder, 'none');
    const bad = {
      importHosts: { importHosts: 'build.example,https://build.example' },
      webhookSecretFile: { webhookUrl: 'http://127.0.0.1:1', webhookSecretFile },
    };
    for (const [key, given] of Object.entries(bad)) {
      const start = (settings: object) =>
        startOrigin(checkConfig({ data, listen: '127.0.0.1:0', ...settings }));
      await expect(start(given)).rejects.toMatchObject({ code: 'CONFIG_INVALID', facts: { key } });
      expect(existsSync(data)).toBe(false);
      await (await start({})).close();
      rmSync(data, { recursive: true });
    }
  });

  it('leaves no door open', async () => {
    origin = await TestOrigin.start();
    const peerListen = origin.running.ready.peer;
    await origin.restart(async () => {
      const lost = TestOrigin.start({ peerListen, advertise: '.:7001' });
      await expect(lost).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        facts: { key: 'advertise' },
      });
      await (await TestOrigin.start({ peerListen })).stop();
    });
  });

  it('gives the depot free again', async () => {
    origin = await TestOrigin.start();
    const other = await TestOrigin.start();
    const data = other.folder;
    const listen = new URL(origin.api).host;
    await other.restart(async () => {
      const taken = startOrigin(checkConfig({ data, listen }));
      await expect(taken).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    });
    expect((await other.call('GET', '/apps')).status).toBe(200);
    await other.stop();
  });
});
