import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makeCertificates, type Certificates } from '../support/certificates.js';
import { runFleetseed } from '../support/processes.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox.close());

describe('plain HTTP', () => {
  it('is refused off loopback, by the name of what allows it', async () => {
    const data = await sandbox.folder('origin');
    const listen = ['--listen', '0.0.0.0:0', '--peer-listen', '127.0.0.1:0'];
    const { exit, stderr } = await runFleetseed(['origin', '--data', data, ...listen]);
    expect(exit).toBe(2);
    expect(stderr).toContain('INSECURE_HTTP_REFUSED');
    expect(stderr).toContain('--insecure-http');
    expect(stderr).toContain('--tls-cert');
  });

  it('is served off loopback when it is meant', async () => {
    const args = ['--insecure-http'];
    const origin = await sandbox.origin(undefined, { listen: '0.0.0.0:0', args });
    const { port } = new URL(origin.url);
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal);
    const host = outside?.address ?? '127.0.0.1';
    expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  });
});

describe('an origin with a certificate', () => {
  let certificates: Certificates;
  let origin: OriginProcess;
  const content = randomBytes(300_000);
  beforeAll(async () => {
    certificates = makeCertificates(await sandbox.folder('tls'));
    const { cert, key } = certificates;
    origin = await sandbox.origin(undefined, { args: ['--tls-cert', cert, '--tls-key', key] });
  });

  it('serves those who trust its authority: push, torrent, pull, agent', async () => {
    expect(origin.url).toMatch(/^https:/);
    const env = { FLEETSEED_CA_FILE: certificates.ca };
    const file = `${await sandbox.tree({ tool: content })}/tool`;
    const push = ['push', file, '--app', 'web', '--version', '1', '--channel', 'stable'];
    expect((await origin.run(push, env)).exit).toBe(0);
    const out = await sandbox.folder('out');
    const pull = ['pull', 'web@1', '--out', out, '--json', '--ca-file', certificates.ca];
    expect((await origin.run(pull)).exit).toBe(0);
    expect(readFileSync(`${out}/tool`).equals(content)).toBe(true);
    const args = ['--app', 'web@stable', '--ca-file', certificates.ca];
    const { service, data } = await sandbox.agent(origin, undefined, { args });
    await service.event('active', 30_000, { app: 'web', version: '1' });
    expect(readFileSync(`${data}/apps/web/current/tool`).equals(content)).toBe(true);
  });

  it('is not trusted without the authority, and the error says what to give', async () => {
    const { exit, stderr } = await origin.run(['release', 'list', 'web']);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/certificate/i);
    expect(stderr).toContain('--ca-file');
  });

  it('does not speak plain HTTP on the same port', async () => {
    const { exit, stderr } = await origin.run(['release', 'list', 'web'], {
      FLEETSEED_ORIGIN: origin.url.replace('https', 'http'),
    });
    expect(exit).toBe(1);
    expect(stderr).toContain('ORIGIN_UNREACHABLE');
  });

  it('does not start with a certificate that cannot be read, naming it', async () => {
    const data = await sandbox.folder('origin');
    const { cert } = certificates;
    const tls = ['--tls-cert', cert, '--tls-key', sandbox.path('nothing.key')];
    const args = ['origin', '--data', data, '--listen', '127.0.0.1:0', ...tls];
    const { exit, stderr } = await runFleetseed(args);
    expect(exit).toBe(2);
    expect(stderr).toContain('nothing.key');
  });
});
