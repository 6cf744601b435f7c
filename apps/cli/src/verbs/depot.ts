import type { Command } from 'commander';

import { CollectionReport, Job, RepairReport, VerificationReport } from '#lib/contracts';

import { action } from '../action.js';
import type { Invocation } from '../invocation.js';
import { bytesText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { followJob } from './follow-job.js';

interface CollectOptions {
  readonly dryRun?: boolean;
}

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
  command
    .command('repair')
    .description('bring back from machines what was damaged here')
    .action(action(repair));
}

async function repair(call: Invocation): Promise<void> {
  const begun = await call.origin().send('POST', '/repair', {}, Job);
  const report = RepairReport.parse((await followJob(call, begun, 'repairing')).result);
  const { repaired, lacking, fetchedBytes, keptBytes } = report;
  call.output.result(report, () =>
    facts({
      repaired: `${repaired.length} files`,
      fetched: `${bytesText(fetchedBytes)} from machines, ${bytesText(keptBytes)} were still right`,
      ...(lacking.length === 0 ? {} : { 'nobody has': lacking.join(' ') }),
    }),
  );
}

async function verify(call: Invocation): Promise<void> {
  const begun = await call.origin().send('POST', '/verification', {}, Job);
  const report = VerificationReport.parse((await followJob(call, begun, 'verifying')).result);
  call.output.result(report, () => verificationText(report));
}

async function collect(call: Invocation<CollectOptions>): Promise<void> {
  const { dryRun = false } = call.options;
  const begun = await call.origin().send('POST', '/collection', { dryRun }, Job);
  const report = CollectionReport.parse((await followJob(call, begun, 'collecting')).result);
  call.output.result(report, () => reportText(report));
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
  const rows = damaged.map(({ object, root, releases, repairedAt }) => {
    const state = repairedAt === undefined ? 'lost' : 'repaired';
    return [object, root, state, releases.join(' ')];
  });
  return `${about}\n\n${table(['object', 'file', 'state', 'releases'], rows)}\n\n${ON_LOSS}`;
}

const ON_LOSS =
  'What machines still have is being brought back; `fleetseed depot repair` waits for that.';

function namesText(releases: CollectionReport['retired']): string {
  if (releases.length === 0) return 'nothing';
  return releases.map(({ app, version }) => `${app}@${version}`).join(' ');
}
