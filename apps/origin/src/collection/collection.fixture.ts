import { join } from 'node:path';

import { ChannelState, ReleaseDocument, type CollectionReport, type Job } from '#lib/contracts';
import { AppendLog, ArtifactStore, FsDepot, type Depot } from '#lib/depot';
import { systemClock, type Clock } from '#lib/runtime';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import type { TestOrigin } from '../origin.fixture.js';

/** The time of this machine, and then some: wall-clock time jumps, timers do not. */
export class ShiftedClock implements Clock {
  #shift = 0;

  now(): number {
    return systemClock.now() + this.#shift;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  setTimer(ms: number, callback: () => void): () => void {
    return systemClock.setTimer(ms, callback);
  }

  shift(seconds: number): void {
    this.#shift += seconds * 1000;
  }
}

/** Runs a collection to its end and gives its report. */
export async function collect(origin: TestOrigin, dryRun = false): Promise<CollectionReport> {
  let { body: job } = await origin.call<Job>('POST', '/collection', { json: { dryRun } });
  while (job.state === 'waiting' || job.state === 'active') {
    await new Promise((resolve) => setTimeout(resolve, 10));
    job = (await origin.call<Job>('GET', `/jobs/${job.job}`)).body;
  }
  if (job.state !== 'done') throw new Error(JSON.stringify(job));
  return job.result as CollectionReport;
}

export interface DepotFindings {
  /** `app@version` of releases that are not retired, all of whose content was found and hashed. */
  readonly intact: string[];
  /** What of them is not there or not right. */
  readonly broken: string[];
  /** Keys of everything under `blobs/`, `packs/` and `artifacts/`. */
  readonly keys: string[];
}

/** Opens the depot of an origin that is stopped, and hashes the content of every release. */
export async function inspectDepot(folder: string): Promise<DepotFindings> {
  const depot = await FsDepot.open({ root: join(folder, 'depot') });
  try {
    const findings: DepotFindings = { intact: [], broken: [], keys: [] };
    for (const prefix of ['artifacts/', 'blobs/', 'packs/']) {
      findings.keys.push(...(await depot.list(prefix, { limit: 10_000 })).keys);
    }
    const { keys } = await depot.list('apps/', { limit: 10_000 });
    for (const key of keys.filter((each) => each.includes('/releases/'))) {
      const retired = keys.includes(key.replace('/releases/', '/retired/'));
      if (retired && !(await isChannelTarget(depot, key, keys))) continue;
      const { app, version, artifact } = ReleaseDocument.parse(
        JSON.parse((await depot.readDocument(key))!.bytes.toString()),
      );
      const broken = await flawsOf(depot, artifact);
      if (retired) broken.push('retired though a channel points to it');
      if (broken.length === 0) findings.intact.push(`${app}@${version}`);
      findings.broken.push(...broken.map((flaw) => `${app}@${version}: ${flaw}`));
    }
    return findings;
  } finally {
    await depot.close();
  }
}

async function isChannelTarget(depot: Depot, key: string, keys: string[]): Promise<boolean> {
  const [, app, , file] = key.split('/');
  const logs = new Set(
    keys.flatMap((each) => /^apps\/[^/]+\/channels\/[^/]+\//.exec(each)?.[0] ?? []),
  );
  for (const prefix of logs) {
    if (!prefix.startsWith(`apps/${app}/`)) continue;
    const newest = await new AppendLog(depot, prefix, ChannelState.loose()).newest();
    if (`${newest?.state.version}.json` === file) return true;
  }
  return false;
}

async function flawsOf(depot: Depot, artifact: string): Promise<string[]> {
  const artifacts = new ArtifactStore(depot);
  const stored = await artifacts.readPlaces(artifact);
  if (!stored || !(await artifacts.has(artifact))) return ['the artifact is gone'];
  const flaws: string[] = [];
  for (const [root, { object, offset, length }] of stored.places.entries()) {
    try {
      const bytes = await depot.readObject(object, { offset, length });
      const found = fileRoot(leafHashesOf(bytes), length)?.toString('hex');
      if (found !== root) flaws.push(`${object} is not ${root}`);
      const leaves = object.startsWith('packs/') ? `${object}.index` : `${object}.leaves`;
      if (!(await depot.statObject(leaves))) flaws.push(`${leaves} is gone`);
    } catch (error) {
      flaws.push(`${object}: ${String(error)}`);
    }
  }
  return flaws;
}
