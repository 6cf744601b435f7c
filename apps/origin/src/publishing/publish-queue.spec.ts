import { describe, expect, it } from 'vitest';

import { MemoryDepot } from '#lib/depot';
import { InProcessJobQueue } from '#lib/jobs';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { ORIGIN_JOB_NAMES, type OriginJobs } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { UploadEvents } from '../uploads/upload-events.js';
import type { UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { UploadViews } from '../uploads/upload-view.js';
import { PublishQueue } from './publish-queue.js';

const RECORD: UploadRecord = {
  v: 1,
  upload: 'ab'.repeat(16),
  app: 'web',
  version: '1',
  state: 'open',
  run: 0,
  plan: 'plan.json',
  bytes: 1,
  knownBytes: 0,
  createdAt: 1,
  createdBy: 'ci',
  creator: 'ci',
  expiresAt: 1e12,
  error: null,
};

async function parts() {
  const depot = await MemoryDepot.open();
  const clock = new VirtualClock();
  const uploads = new UploadStore(depot);
  const jobs = new InProcessJobQueue<OriginJobs>({ names: ORIGIN_JOB_NAMES, clock });
  const catalog = new ReleaseCatalog(depot, clock);
  const queue = new PublishQueue(
    uploads,
    new UploadEvents(),
    new UploadViews(uploads, catalog),
    catalog,
    new UnfinishedWork(jobs, clock, silentLogger),
    jobs,
    silentLogger,
  );
  return { uploads, jobs, queue, depot };
}

describe('PublishQueue', () => {
  it('writes down what it hands over, once', async () => {
    const { uploads, jobs, queue } = await parts();
    await uploads.create(RECORD);
    await Promise.all([queue.publish(RECORD), queue.publish(RECORD)]);
    expect(await uploads.find(RECORD.upload)).toEqual({ ...RECORD, state: 'publishing', run: 1 });
    expect(await jobs.list()).toHaveLength(1);
  });

  it('makes another job of one that is completed again while the old job is just ending', async () => {
    const { uploads, jobs, queue } = await parts();
    await uploads.create(RECORD);
    await queue.publish(RECORD);
    await uploads.update(RECORD.upload, (current) => current && { ...current, state: 'failed' });
    await queue.publish(RECORD);
    const ids = (await jobs.list()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  });

  it('finds those to be published though the record of another is damaged', async () => {
    const { uploads, jobs, queue, depot } = await parts();
    const damaged = 'aa'.repeat(16);
    await depot.createDocument(`uploads/${damaged}/upload.json`, Buffer.from('{"v":1'));
    await uploads.create({ ...RECORD, state: 'publishing', run: 1 });
    await queue.enqueueUnfinished();
    expect(await jobs.list()).toMatchObject([{ data: { upload: RECORD.upload, about: 'web@1' } }]);
  });

  it('does not bring back an upload that was dropped meanwhile', async () => {
    const { uploads, jobs, queue } = await parts();
    await uploads.create(RECORD);
    await uploads.remove(RECORD.upload, { keepRecord: false });
    await expect(queue.publish(RECORD)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    expect(await uploads.find(RECORD.upload)).toBeNull();
    expect(await jobs.list()).toEqual([]);
  });
});
