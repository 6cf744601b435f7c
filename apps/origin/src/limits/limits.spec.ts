import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { OriginLimits, Release } from '#lib/contracts';

import { noise, TestOrigin, TestTree } from '../origin.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start({ uploadLimit: '20MB/s' });
});
afterAll(() => origin.stop());

describe('/limits', () => {
  it('begins with what was configured, and changes what is named', async () => {
    const { body } = await origin.call<OriginLimits>('GET', '/limits');
    const none = { download: null, artifacts: [], seeders: 1 };
    expect(body).toEqual({ ...none, upload: 20_000_000, set: {} });
    const set = { upload: 1_000_000 };
    const changed = await origin.call<OriginLimits>('PATCH', '/limits', { json: set });
    expect(changed).toMatchObject({ status: 200, body: { upload: 1_000_000 } });
    await origin.call('PATCH', '/limits', { json: { upload: null } });
    const lifted = await origin.call<OriginLimits>('GET', '/limits');
    expect(lifted.body).toEqual({ ...none, upload: null, set: { upload: null } });
    const back = { upload: 'default' };
    expect((await origin.call('PATCH', '/limits', { json: back })).body).toEqual(body);
  });

  it('knows artifacts that were released, and no others', async () => {
    await origin.push('web', new TestTree({ a: noise(1000, 'a') }));
    const { body: release } = await origin.call<Release>('GET', '/apps/web/releases/1.0.0');
    const { artifact } = release;
    const json = { artifact, upload: 5000 };
    const { body } = await origin.call<OriginLimits>('PATCH', '/limits', { json });
    expect(body.artifacts).toEqual([{ artifact, upload: 5000, download: null }]);
    const other = { artifact: 'ab'.repeat(32), upload: 5000 };
    const unknown = await origin.call('PATCH', '/limits', { json: other });
    expect(unknown).toMatchObject({ status: 404, body: { code: 'ARTIFACT_NOT_FOUND' } });
  });

  it('keeps what was set over a restart, and lifts limits of what is not there any more', async () => {
    const { body: before } = await origin.call<OriginLimits>('GET', '/limits');
    const { artifact } = before.artifacts[0]!;
    await origin.call('PATCH', '/limits', { json: { upload: 3000, download: 4000 } });
    await origin.restart(() => rm(join(origin.folder, 'depot/apps'), { recursive: true }));
    const { body } = await origin.call<OriginLimits>('GET', '/limits');
    expect(body).toEqual({
      ...before,
      upload: 3000,
      download: 4000,
      set: { upload: 3000, download: 4000 },
    });
    const json = { artifact, upload: 'default' };
    const lifted = await origin.call<OriginLimits>('PATCH', '/limits', { json });
    expect(lifted).toMatchObject({ status: 200, body: { artifacts: [] } });
  });

  it('is for the admin alone to change', async () => {
    const { secret } = await origin.token('fleet:read');
    const json = { upload: 1 };
    const refused = await origin.call('PATCH', '/limits', { json, token: secret });
    expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect((await origin.call('GET', '/limits', { token: secret })).status).toBe(200);
    for (const wrong of [{}, { upload: 0 }, { upload: 'fast' }, { upload: 1, rate: 2 }]) {
      expect((await origin.call('PATCH', '/limits', { json: wrong })).status).toBe(400);
    }
  });
});
