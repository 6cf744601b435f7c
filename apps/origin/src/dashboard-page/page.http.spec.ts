import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { readPageFiles } from './page.files.js';
import { pageHandler } from './page.http.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serve(folder: string): Promise<string> {
  const handle = pageHandler(await readPageFiles(folder));
  const server = createServer((request, response) => {
    if (!handle(request.url ?? '/', request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function folderWithPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'page-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'dist', 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'dist', 'index.html'), '<p>page');
  await writeFile(join(folder, 'dist', 'assets', 'app-1.js'), 'run()');
  return join(folder, 'dist');
}

describe('pageHandler', () => {
  it('serves the page with a policy, asked for each time', async () => {
    const url = await serve(await folderWithPage());
    const answer = await fetch(`${url}/`);
    expect(await answer.text()).toBe('<p>page');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self';");
    const again = await fetch(`${url}/`, {
      headers: { 'if-none-match': answer.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
  });

  it('lets assets be kept for ever', async () => {
    const url = await serve(await folderWithPage());
    const answer = await fetch(`${url}/assets/app-1.js`);
    expect(answer.headers.get('cache-control')).toContain('immutable');
    expect(await answer.text()).toBe('run()');
  });

  it('knows no file but those of the page', async () => {
    const url = await serve(await folderWithPage());
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/assets', '/api/v1/service']) {
      expect((await fetch(url + path)).status).toBe(404);
    }
  });

  it('says how to build the page when it was not', async () => {
    const url = await serve(join(await folderWithPage(), 'nowhere'));
    const answer = await fetch(`${url}/`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('npm run build');
  });
});
