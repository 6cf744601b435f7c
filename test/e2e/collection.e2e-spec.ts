import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { CollectionReport, Job, VerificationReport } from '#lib/contracts';

import { callApi, tokenWith } from '../support/origin-api.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';

let sandbox: Sandbox;
let origin: OriginProcess;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  const env = { FLEETSEED_RETENTION_KEEP_LAST: '1', FLEETSEED_RETENTION_KEEP_DAYS: '0' };
  origin = await sandbox.origin(undefined, { env });
  for (const version of ['1', '2', '3']) {
    const tree = await sandbox.tree({ build: randomBytes(2_000_000), note: version });
    await origin.json('push', tree, '--app', 'web', '--version', version);
    if (version === '1') await origin.json('channel', 'set', 'web@stable', version);
  }
});
afterAll(() => sandbox.close());

const RETIRED = [{ app: 'web', version: '2' }];

it('an operator sees what would go, collects, and finds the work among the jobs', async () => {
  const plan = await origin.json<CollectionReport>('depot', 'collect', '--dry-run');
  expect(plan).toMatchObject({ dryRun: true, retired: RETIRED, blobs: { live: 3 } });
  expect((await origin.run(['release', 'show', 'web@2'])).exit).toBe(0);

  const report = await origin.json<CollectionReport>('depot', 'collect');
  expect(report).toMatchObject({ dryRun: false, retired: RETIRED, damaged: [] });
  expect((await origin.run(['release', 'show', 'web@2'])).exit).toBe(4);
  expect((await origin.run(['release', 'show', 'web@1'])).exit).toBe(0);

  const { items } = await origin.json<{ items: Job[] }>('job', 'list');
  expect(items.slice(0, 2)).toMatchObject([
    { job: 'collect', state: 'done', progress: 1 },
    { job: 'collect-dry-run', state: 'done' },
  ]);
  expect(await origin.json<Job>('job', 'show', 'collect')).toMatchObject({ result: report });
  const metrics = await callApi<string>(origin, 'GET', '/metrics');
  expect(metrics.body).toMatch(/^fleetseed_depot_live\{kind="blob"\} 3$/m);
  expect(metrics.body).toMatch(/^fleetseed_collection_timestamp_seconds \d{10}/m);
});

it('a retired version is not used again, and only an administrator collects', async () => {
  const tree = await sandbox.tree({ build: 'other' });
  const again = await origin.run(['push', tree, '--app', 'web', '--version', '2']);
  expect([again.exit, again.stderr]).toEqual([5, expect.stringContaining('VERSION_RETIRED')]);
  const token = await tokenWith(origin, 'fleet:read');
  const refused = await callApi(origin, 'POST', '/api/v1/collection', { token, json: {} });
  expect(refused.status).toBe(403);
  const seen = await callApi(origin, 'GET', '/api/v1/collection', { token });
  expect(seen).toMatchObject({ status: 200, body: { report: { retired: RETIRED } } });
  const publish = (await origin.json<{ items: Job[] }>('job', 'list')).items.at(-1)!;
  expect((await origin.run(['job', 'cancel', publish.job])).stderr).toContain(
    'cannot be cancelled',
  );
});

it('a grace that is no longer than an upload may live does not start', async () => {
  const args = ['--collection-grace-seconds', '3600', '--upload-expiry-seconds', '3600'];
  const outcome = await origin.run(['origin', '--data', sandbox.path('none'), ...args]);
  expect([outcome.exit, outcome.stderr]).toEqual([
    2,
    expect.stringContaining('FLEETSEED_COLLECTION_GRACE_SECONDS'),
  ]);
});

it('an operator has everything hashed, and hears which release a bad disk has hurt', async () => {
  const clean = await origin.json<VerificationReport>('depot', 'verify');
  expect(clean).toMatchObject({ damaged: [], unreadable: [], healed: 0 });
  const [file] = readdirSync(`${origin.data}/depot/blobs`, { recursive: true, encoding: 'utf8' })
    .map((name) => `${origin.data}/depot/blobs/${name}`)
    .filter((path) => statSync(path).isFile() && !path.endsWith('.leaves'));
  const bytes = readFileSync(file!);
  bytes[1_000_000]! ^= 1;
  writeFileSync(file!, bytes);
  const { damaged } = await origin.json<VerificationReport>('depot', 'verify');
  expect(damaged).toHaveLength(1);
  expect(damaged[0]!.object.endsWith(damaged[0]!.root)).toBe(true);
});
