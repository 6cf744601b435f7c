import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { CreatedToken, Import, Savings, SwarmSummary } from '#lib/contracts';

import { freshBytes } from '../support/content.js';
import { FileServer } from '../support/file-server.js';
import { callApi } from '../support/origin-api.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';
import { DashboardPage, lookAt, openBrowser } from './dashboard.page.js';

const APP = 'web';
const HOSTS = ['host-1', 'host-2', 'host-3'];
const MB = 1_000_000;
const ENV = { FLEETSEED_IMPORT_HOSTS: '127.0.0.1' };
/** The page asks again every few seconds. */
const SOON = { timeout: 20_000 };

let sandbox: Sandbox;
let origin: OriginProcess;
let browser: Browser;
let artifact: string;
let bytes: number;
const pages: DashboardPage[] = [];

async function pushTree(version: string): Promise<Readonly<Record<string, unknown>>> {
  const tree = await sandbox.tree({
    'bin/server': { content: freshBytes(20 * MB), mode: 0o755 },
    'share/data.bin': freshBytes(3 * MB),
    'share/readme.txt': `version ${version}\n`,
  });
  const words = ['push', tree, '--app', APP, '--version', version, '--channel', 'stable'];
  return origin.json(...words);
}

function startAgent(host: string, ...args: string[]) {
  const who = ['--hostname', host, '--label', 'rack=r1', '--label', `host=${host}`];
  return sandbox.agent(origin, undefined, { args: [...who, '--app', `${APP}@stable`, ...args] });
}

async function get<T>(path: string): Promise<T> {
  return (await callApi<T>(origin, 'GET', `/api/v1/${path}`)).body;
}

async function openPage(width?: number): Promise<DashboardPage> {
  const page = await DashboardPage.open(browser, origin.url, width);
  pages.push(page);
  return page;
}

async function openLoggedIn(width?: number): Promise<DashboardPage> {
  const page = await openPage(width);
  await page.logIn(origin.adminToken);
  await page.logOutButton.waitFor();
  return page;
}

beforeAll(async () => {
  sandbox = await Sandbox.create('dashboard');
  origin = await sandbox.origin(undefined, { env: ENV });
  browser = await openBrowser();
  const agents = await Promise.all(HOSTS.map((host) => startAgent(host)));
  await Promise.all(agents.map(({ service }) => service.event('ready')));
  const pushed = await pushTree('1.0.0');
  artifact = String(pushed['artifact']);
  bytes = Number(pushed['bytes']);
  await Promise.all(agents.map(({ service }) => service.event('active', 60_000)));
  await until('the ledger accounts for every agent', async () => {
    const { artifacts } = await get<Savings>('savings');
    return artifacts.find((each) => each.artifact === artifact)?.stages === HOSTS.length;
  });
});

afterAll(async () => {
  await browser?.close();
  await sandbox?.close();
});

afterEach(async () => {
  for (const page of pages.splice(0)) await page.close();
});

describe('the login', () => {
  it('refuses a wrong token, says so, and keeps nothing of it', async () => {
    const dashboard = await openPage();
    const { page, logOutButton } = dashboard;
    await dashboard.logIn('not-a-token');
    await expect.poll(() => page.getByRole('alert').textContent(), SOON).toContain('Wrong token');
    expect(await logOutButton.count()).toBe(0);
    expect(await page.evaluate<number>('sessionStorage.length')).toBe(0);
  });

  it('lasts over a reload, and ends with logging out', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.page.reload();
    await dashboard.logOutButton.waitFor();
    const banner = dashboard.page.getByRole('banner');
    await expect.poll(() => banner.textContent(), SOON).toContain('admin');
    await dashboard.logOutButton.click();
    await dashboard.token.waitFor();
    await dashboard.page.reload();
    await dashboard.token.waitFor();
  });

  it('is asked for again when the token is revoked', async () => {
    const json = { name: 'viewer', scopes: ['fleet:read'] };
    const { body } = await callApi<CreatedToken>(origin, 'POST', '/api/v1/tokens', { json });
    const dashboard = await openPage();
    await dashboard.logIn(body.secret);
    await dashboard.logOutButton.waitFor();
    await callApi(origin, 'DELETE', `/api/v1/tokens/${body.token}`);
    await dashboard.token.waitFor();
    expect(await dashboard.page.getByRole('status').textContent()).toContain('revoked');
  });
});

describe('the savings page', () => {
  it('shows what the API says, to the byte', async () => {
    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    const saved = await get<Savings>('savings');
    await expect.poll(() => dashboard.ratio.textContent(), SOON).toContain('%');
    const places = {
      delivered: 'delivered',
      origin: 'origin',
      peers: 'source-peers',
      reused: 'source-reused',
      residual: 'source-residual',
      wasted: 'wasted',
    } as const;
    for (const [name, place] of Object.entries(places)) {
      const shown = await dashboard.bytesOf(page.getByTestId(place));
      expect([name, shown]).toEqual([name, saved[name as keyof typeof places]]);
    }
    expect(saved.delivered).toBe(HOSTS.length * bytes);
    const percent = Number.parseFloat((await dashboard.ratio.textContent()) ?? '');
    expect(percent).toBeCloseTo(saved.ratio * 100, 0);
  });

  it('shows each release, why the origin sent, and when', async () => {
    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    const saved = await get<Savings>('savings');
    const row = dashboard.row('Savings by release', `${APP}@1.0.0`);
    await row.waitFor();
    const shown = await row
      .locator('[data-bytes]')
      .evaluateAll((cells) =>
        cells.map((cell) => Number((cell as { dataset: { bytes: string } }).dataset.bytes)),
      );
    const line = saved.artifacts.find((each) => each.artifact === artifact)!;
    expect(shown.slice(0, 5)).toEqual([
      line.bytes,
      line.delivered,
      line.origin,
      line.peers,
      line.reused,
    ]);
    const reasons = page.getByRole('region', { name: 'What the origin sent, and why' });
    for (const reason of Object.keys(saved.originByReason)) {
      expect(await reasons.textContent()).toContain(reason);
    }
    const chart = page.getByRole('img', { name: /^Bytes from origin, peers and reuse/ });
    await expect.poll(() => chart.locator('rect').count(), SOON).toBeGreaterThan(0);
    await chart.press('End');
    await expect.poll(() => page.getByText('Peers').last().isVisible()).toBe(true);
  });
});

describe('the agents page', () => {
  it('lists every agent with its version, whole', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.visit('Agents');
    for (const host of HOSTS) {
      const row = dashboard.row('Agents', host);
      await expect.poll(() => row.textContent(), SOON).toContain('ACTIVE');
      const text = (await row.textContent()) ?? '';
      for (const part of ['online', '1.0.0', '100 %', `host=${host}`, APP]) {
        expect(text).toContain(part);
      }
      expect(await dashboard.bytesOf(row)).toBeGreaterThan(0);
    }
  });

  it('finds one by its label, and shows what it holds', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.visit('Agents');
    await dashboard.row('Agents', HOSTS[2]!).waitFor();
    await dashboard.page.getByRole('searchbox').fill('host=host-2');
    await expect.poll(() => dashboard.rowCount('Agents')).toBe(1);
    await dashboard.page.getByRole('link', { name: 'host-2', exact: true }).click();
    const held = dashboard.page.getByRole('table', { name: 'What it holds' });
    await expect.poll(() => held.textContent(), SOON).toContain('1.0.0');
    expect(await held.textContent()).toContain(artifact.slice(0, 16));
  });
});

describe('the releases page', () => {
  it('shows releases, where channels stand, and where they stood', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.visit('Releases');
    await dashboard.page.getByRole('link', { name: APP, exact: true }).click();
    const release = dashboard.row('Releases', '1.0.0');
    await expect.poll(() => release.textContent(), SOON).toContain('stable');
    expect(await dashboard.bytesOf(release)).toBe(bytes);
    await dashboard.page.getByRole('button', { name: 'History of stable' }).click();
    const history = dashboard.page.getByRole('list', { name: 'History of stable' });
    await expect.poll(() => history.textContent(), SOON).toContain('#1');
    expect(await history.textContent()).toContain('1.0.0');
  });
});

describe('the swarm page', () => {
  const PEERS = 'Peers of the swarm';

  it('lists the swarm with its seeds and what the origin sent', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.visit('Swarms');
    const row = dashboard.row('Swarms', `${APP}@1.0.0`);
    await row.waitFor();
    const { originSentBytes } = await get<SwarmSummary>(`swarms/${artifact}`);
    expect(await row.textContent()).toContain((originSentBytes / bytes).toFixed(2));
    await row.getByRole('link').click();
    await dashboard.page.getByRole('table', { name: PEERS }).waitFor();
  });

  it('draws every peer with its pieces, live', async () => {
    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    await dashboard.visitAddress(`swarms/${artifact}`);
    await expect.poll(() => dashboard.rowCount(PEERS), SOON).toBe(HOSTS.length + 1);
    for (const host of HOSTS) {
      const row = dashboard.row(PEERS, host);
      await expect.poll(() => row.textContent(), SOON).toContain('100 %');
      expect(await row.getByRole('img').getAttribute('aria-label')).toBe(
        '64 of 64 stretches whole',
      );
    }
    const roles = page.getByRole('table', { name: PEERS }).getByRole('cell', { name: 'origin' });
    expect(await roles.count()).toBe(1);
    await expect
      .poll(() => lookAt(page.locator('canvas')), SOON)
      .toMatchObject({ hues: expect.toSatisfy((hues: number) => hues >= 6) });
    expect((await lookAt(page.locator('canvas'))).coloured).toBeGreaterThan(3000);
  });

  it('shows a peer that comes, and what it gets from whom while it gets it', async () => {
    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    await dashboard.visitAddress(`swarms/${artifact}`);
    await expect.poll(() => dashboard.rowCount(PEERS), SOON).toBe(HOSTS.length + 1);
    const before = await lookAt(page.locator('canvas'));

    await startAgent('host-4', '--download-limit', String(3 * MB));
    const row = dashboard.row(PEERS, 'host-4');
    await row.waitFor();
    const held = () => row.getByRole('cell').nth(1).textContent();
    await expect.poll(held, { timeout: 20_000, interval: 100 }).toMatch(/^[1-9]\d?\.\d %$/);
    const during = await lookAt(page.locator('canvas'));
    expect(during.fingerprint).not.toBe(before.fingerprint);

    await expect.poll(held, { timeout: 60_000 }).toBe('100 %');
    const received = await row
      .locator('[data-bytes]')
      .evaluateAll((cells) =>
        cells.map((cell) => Number((cell as { dataset: { bytes: string } }).dataset.bytes)),
      );
    const all = received.reduce((sum, each) => sum + each, 0);
    expect(all).toBeGreaterThan(0.3 * bytes);
    expect(all).toBeLessThan(1.5 * bytes);
  });

  it('holds still for those who ask for less motion, with the same facts', async () => {
    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await dashboard.visitAddress(`swarms/${artifact}`);
    await page.reload();
    await expect
      .poll(async () => (await lookAt(page.locator('canvas'))).hues, SOON)
      .toBeGreaterThan(5);
  });
});

describe('the jobs page', () => {
  it('shows work that is done, under way and failed, and cancels it', async () => {
    const server = await FileServer.start();
    server.answer((_, response) => {
      response.writeHead(200, { 'content-length': 10 * MB }).write(Buffer.alloc(4 * MB));
    });
    const begin = async (version: string, more: Record<string, unknown> = {}) => {
      const from = `${server.url}/build.tgz`;
      const json = { version, from, insecureHttp: true, ...more };
      return (await callApi<Import>(origin, 'POST', '/api/v1/apps/web/imports', { json })).body;
    };
    const stuck = await begin('9.0.0');
    const wrong = await begin('9.0.1', { bytes: 5 });

    const dashboard = await openLoggedIn();
    const { page } = dashboard;
    await dashboard.visit('Jobs');
    const rowOf = (about: string) =>
      page.getByRole('table', { name: 'Jobs' }).getByRole('row').filter({ hasText: about });
    await expect.poll(() => rowOf('web@1.0.0').textContent(), SOON).toContain('done');
    await expect
      .poll(() => rowOf('web@9.0.0').textContent(), SOON)
      .toMatch(/active.*40\.0 %.*fetching/s);
    await expect.poll(() => rowOf('web@9.0.1').textContent(), SOON).toContain('SOURCE_MISMATCH');

    await page.getByRole('radio', { name: 'failed' }).check();
    await expect.poll(() => dashboard.rowCount('Jobs'), SOON).toBe(1);
    await page.getByRole('link', { name: 'import' }).click();
    await expect.poll(() => page.getByRole('main').textContent(), SOON).toContain('and not 5');
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
    expect(wrong.job).toBe(await page.locator('code').first().textContent());

    await dashboard.visitAddress(`jobs/${stuck.job}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Yes, cancel it' }).click();
    await expect.poll(() => page.getByRole('main').textContent(), SOON).toContain('cancelled');
    const { state } = await get<Import>(`imports/${stuck.import}`);
    expect(state).toBe('cancelled');
    await server.stop();
  });
});

describe('the dashboard', () => {
  it('needs no scrolling sideways on a phone', async () => {
    const dashboard = await openLoggedIn(390);
    for (const address of ['savings', 'agents', `releases/${APP}`, `swarms/${artifact}`, 'jobs']) {
      await dashboard.visitAddress(address);
      await dashboard.page.getByRole('table').first().waitFor();
      expect([address, await dashboard.isTooWide()]).toEqual([address, false]);
    }
  });

  it('says when the origin is gone, keeps what it knew, and goes on when it is back', async () => {
    const dashboard = await openLoggedIn();
    await dashboard.visit('Agents');
    await dashboard.row('Agents', HOSTS[0]!).waitFor();
    const listen = new URL(origin.url).host;
    await origin.service.stop();
    const alert = dashboard.page.getByRole('alert');
    await expect.poll(() => alert.textContent(), SOON).toContain('cannot be reached');
    expect(await dashboard.row('Agents', HOSTS[0]!).count()).toBe(1);
    origin = await sandbox.origin(origin.data, { listen, env: ENV });
    await expect.poll(() => alert.count(), SOON).toBe(0);
  });
});
