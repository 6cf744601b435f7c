import { randomBytes } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RepairReport, VerificationReport } from '#lib/contracts';

import { active, pushStable } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const ENV = { FLEETSEED_VERIFICATION_BYTES_PER_SECOND: '1000000000' };

let sandbox: Sandbox;
beforeAll(async () => void (sandbox = await Sandbox.create()));
afterAll(() => sandbox.close());

/** The files of the depot that hold content of this kind. */
async function objectsOf(origin: OriginProcess, kind: 'blobs' | 'packs'): Promise<string[]> {
  const root = join(origin.data, 'depot', kind);
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  return names
    .filter((each) => each.isFile() && !/\.(?:leaves|index)$/.test(each.name))
    .map((each) => join(each.parentPath, each.name));
}

async function flip(path: string, ...places: number[]): Promise<void> {
  const bytes = await readFile(path);
  for (const at of places) bytes[at]! ^= 1;
  await writeFile(path, bytes);
}

describe('an origin whose disk went bad', () => {
  it('has the damaged pieces from machines, and is whole again without a push', async () => {
    let origin = await sandbox.origin(undefined, { env: ENV });
    const small = Array.from({ length: 40 }, (_, i) => [`lib/${i}.js`, randomBytes(9000 + i)]);
    const files = { ...Object.fromEntries(small), 'bin/app': randomBytes(24 * MIB + 5) };
    const tree = await sandbox.tree(files as Record<string, Buffer>);
    await pushStable(origin, tree, 'web', '1');
    const agent = await sandbox.agent(origin, undefined, { args: ['--app', 'web@stable'] });
    await active(agent, '1');

    const listen = new URL(origin.url).host;
    await origin.service.stop();
    const [blob] = await objectsOf(origin, 'blobs');
    await flip(blob!, 100, 20 * MIB);
    const [pack] = await objectsOf(origin, 'packs');
    await flip(pack!, 50_000);
    await truncate(pack!, 300_000);
    origin = await sandbox.origin(origin.data, { env: ENV, listen });
    await until('the agent is back', async () => {
      const { items } = await origin.json<{ items: { online: boolean }[] }>('target', 'list');
      return items.some(({ online }) => online);
    });

    const verified = await origin.json<VerificationReport>('depot', 'verify');
    expect(verified.damaged.length).toBeGreaterThan(3);
    expect(verified.damaged.every(({ releases }) => releases.includes('web@1'))).toBe(true);

    // What the verification asked for may have begun by itself; either way it is waited for.
    await origin.json<RepairReport>('depot', 'repair');
    const { body } = await callApi<{ report: VerificationReport }>(
      origin,
      'GET',
      '/api/v1/verification',
    );
    expect(body.report.damaged.filter(({ repairedAt }) => repairedAt === undefined)).toEqual([]);

    const again = await origin.json<VerificationReport>('depot', 'verify');
    expect(again).toMatchObject({ damaged: [], unreadable: [] });
    expect(await readdir(join(origin.data, 'depot', 'quarantine')).catch(() => [])).toEqual([]);
    await agent.service.stop();
    const out = await sandbox.folder('out');
    await origin.json('pull', 'web@1', '--out', out);
    expect(treePicture(`${out}/web`)).toEqual(treePicture(tree));
    // Only what was bad has travelled: a few pieces of the large file, and some small ones.
    const { body: last } = await callApi<{ report: RepairReport }>(origin, 'GET', '/api/v1/repair');
    const metrics = await callApi<string>(origin, 'GET', '/metrics');
    expect(metrics.body).toMatch(/fleetseed_repair_files\{outcome="lacking"\} 0/);
    expect(last.report.lacking).toEqual([]);
    expect(last.report.fetchedBytes).toBeLessThan(12 * MIB);
  });

  it('says what nobody has, and goes on without it', async () => {
    const origin = await sandbox.origin(undefined, { env: ENV });
    const tree = await sandbox.tree({ big: randomBytes(2 * MIB) });
    await pushStable(origin, tree, 'web', '1');
    const listen = new URL(origin.url).host;
    await origin.service.stop();
    const [blob] = await objectsOf(origin, 'blobs');
    await flip(blob!, 7);
    const second = await sandbox.origin(origin.data, { env: ENV, listen });
    const { damaged } = await second.json<VerificationReport>('depot', 'verify');
    const report = await second.json<RepairReport>('depot', 'repair');
    expect(report).toMatchObject({ repaired: [], lacking: [damaged[0]!.root] });
    expect(report.keptBytes).toBeGreaterThan(0);
  });
});
