import { beforeEach, describe, expect, it } from 'vitest';

import { MemoryDepot, uploadKey } from '#lib/depot';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { checkConfig } from '../config/config-parser.js';
import { ImportStore } from '../imports/import-store.js';
import type { UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';
import { UploadSweeper } from './upload-sweeper.js';

const ID = 'ab'.repeat(16);
let depot: MemoryDepot;
let store: UploadStore;
let clock: VirtualClock;
let sweeper: UploadSweeper;

beforeEach(async () => {
  depot = await MemoryDepot.open();
  store = new UploadStore(depot);
  clock = new VirtualClock(1000);
  sweeper = new UploadSweeper(store, new ImportStore(depot), checkConfig({}), clock, silentLogger);
});

async function begin(state: UploadRecord['state']): Promise<void> {
  const parted = await depot.beginParts(uploadKey(ID, 'f0'), 10, 10);
  const entries = [{ root: '0'.repeat(64), length: 10 }];
  const object = { object: 'f0', bytes: 10, partBytes: 10, entries, source: { parted } };
  const request = { version: '1', name: 'a', single: false, format: 'v2' as const, files: [] };
  const empty = { knownRoots: [], knownFrom: [] };
  const plan = await store.writePlan(ID, {
    v: 1,
    request,
    pieceLength: 65_536,
    objects: [object],
    ...empty,
  });
  await store.create({
    v: 1,
    upload: ID,
    app: 'web',
    version: '1',
    state,
    run: 0,
    plan,
    bytes: 10,
    knownBytes: 0,
    createdAt: 1000,
    createdBy: 'ci',
    creator: 'ci',
    expiresAt: 5000,
    error: null,
  });
}

const keys = async () => (await depot.list('uploads/')).keys;

describe('sweeping uploads', () => {
  it('removes those that expired, with their parts', async () => {
    await begin('open');
    const { objects } = await store.plan((await store.find(ID))!);
    await sweeper.sweep();
    expect(await keys()).toHaveLength(2);
    clock.advance(4000);
    await sweeper.sweep();
    expect(await keys()).toEqual([]);
    expect(await store.received(objects[0]!)).toEqual([]);
  });

  it('never removes what is being published', async () => {
    await begin('publishing');
    clock.advance(1e9);
    await sweeper.sweep();
    expect(await store.find(ID)).toMatchObject({ state: 'publishing' });
  });

  it('removes what has no record, but not at first sight: it may be an upload that begins', async () => {
    await depot.putObject(uploadKey(ID, 'content'), [Buffer.from('abc')]);
    await sweeper.sweep();
    expect(await keys()).toHaveLength(1);
    await sweeper.sweep();
    expect(await keys()).toEqual([]);
  });
});
