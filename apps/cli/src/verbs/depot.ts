import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import {
  CollectionReport,
  FleetseedError,
  Job,
  knownCode,
  VerificationReport,
} from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';

interface CollectOptions {
  readonly dryRun?: boolean;
}

const LOOK_EVERY_MS = 500;
const PATIENCE_MS = 30_000;

export function define(command: Command): void {
  command
    .command('collect')
    .description('remove what no release needs any more, and say what that was')
    .option('--dry-run', 'only find out what would be removed')
    .action(action<CollectOptions>(collect));
  command
    .command('verify')
    .description('hash everything that is kept, and take out of use what is damaged')
    .action(action(verify));
}

async function verify(call: Invocation): Promise<void> {
  const begun = await call.origin().send('POST', '/verification', {}, Job);
  const report = VerificationReport.parse((await ended(call, begun, 'verifying')).result);
  call.output.result(report, () => verificationText(report));
}

async function collect(call: Invocation<CollectOptions>): Promise<void> {
  const { dryRun = false } = call.options;
  const begun = await call.origin().send('POST', '/collection', { dryRun }, Job);
  const report = CollectionReport.parse((await ended(call, begun, 'collecting')).result);
  call.output.result(report, () => reportText(report));
}

/** Follows a job to its end. @throws the error that it ended with */
async function ended(call: Invocation, begun: Job, label: string): Promise<Job> {
  let job = begun;
  let said = '';
  let goneSince: number | undefined;
  while (job.state === 'waiting' || job.state === 'active') {
    const about = job.state === 'waiting' ? 'waiting' : (job.step ?? 'begun');
    if (about !== said) call.output.note(`${label}: ${about}`);
    said = about;
    await sleep(LOOK_EVERY_MS, undefined, { signal: call.signal });
    try {
      job = await call.origin().get(route`/jobs/${job.job}`, Job);
      goneSince = undefined;
    } catch (error) {
      // A queue that was lost or is away comes back, and the job with it.
      if (!isGap(error)) throw error;
      goneSince ??= performance.now();
      if (performance.now() - goneSince > PATIENCE_MS) throw error;
    }
  }
  if (job.state === 'done') return job;
  const { code, detail } = job.error ?? { code: 'ABORTED', detail: 'The job was cancelled.' };
  throw new FleetseedError(knownCode(code), detail, { job: job.job });
}

function isGap(error: unknown): boolean {
  if (!(error instanceof FleetseedError)) return false;
  return error.code === 'JOB_NOT_FOUND' || error.code === 'QUEUE_UNREACHABLE';
}

function reportText(report: CollectionReport): string {
  const { dryRun, retired, restored, damaged } = report;
  const titles = ['', 'needed', 'condemned', dryRun ? 'to be removed' : 'removed'];
  const rows = (['artifacts', 'packs', 'blobs'] as const).map((kind) => {
    const { live, condemned, removed } = report[kind];
    return [kind, String(live), String(condemned), String(removed)];
  });
  const about = facts({
    [dryRun ? 'would retire' : 'retired']: namesText(retired),
    ...(restored.length === 0 ? {} : { 'taken back': namesText(restored) }),
    [dryRun ? 'would free' : 'freed']: bytesText(report.removedBytes),
    repacked: `${report.repackedPacks} packs, ${bytesText(report.repackedBytes)} carried over`,
    ...(damaged.length === 0 ? {} : { damaged: damaged.join(' ') }),
  });
  return `${table(titles, rows)}\n\n${about}`;
}

function verificationText(report: VerificationReport): string {
  const { checkedObjects, checkedBytes, damaged, unreadable, healed } = report;
  const about = facts({
    checked: `${checkedObjects} objects, ${bytesText(checkedBytes)}`,
    damaged: String(damaged.length),
    ...(healed === 0 ? {} : { healed: String(healed) }),
    ...(unreadable.length === 0 ? {} : { unreadable: unreadable.join(' ') }),
  });
  if (damaged.length === 0) return about;
  const rows = damaged.map(({ object, root, releases }) => [object, root, releases.join(' ')]);
  return `${about}\n\n${table(['object', 'file', 'releases'], rows)}`;
}

function namesText(releases: CollectionReport['retired']): string {
  if (releases.length === 0) return 'nothing';
  return releases.map(({ app, version }) => `${app}@${version}`).join(' ');
}
