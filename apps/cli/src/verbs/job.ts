import type { Command } from 'commander';

import { Job } from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { percentText, timeText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { parseCount } from './arguments.js';

interface ListOptions {
  readonly limit?: string;
}

export function define(command: Command): void {
  command
    .command('list')
    .description('work of the origin, newest first; what ended long ago is forgotten')
    .option('--limit <n>', 'so many at most (default: 50)')
    .action(action<ListOptions>(list));
  command
    .command('show')
    .description('one job, how far it is and what it resulted in')
    .argument('<job>', 'its id')
    .action(action(show));
  command
    .command('cancel')
    .description('end a job')
    .argument('<job>', 'its id')
    .action(action(cancel));
}

async function list(call: Invocation<ListOptions>): Promise<void> {
  const { limit = '50' } = call.options;
  const items = await call.origin().list('/jobs', Job, parseCount(limit, '--limit', 1, 1000));
  call.output.result({ items }, () =>
    table(
      ['job', 'name', 'state', 'progress', 'created', 'error'],
      items.map((job) => [
        job.job,
        job.name,
        job.state,
        progressText(job),
        timeText(job.createdAt),
        job.error === null ? '' : `${job.error.detail} (${job.error.code})`,
      ]),
    ),
  );
}

async function show(call: Invocation, id: string): Promise<void> {
  const job = await call.origin().get(route`/jobs/${id}`, Job);
  call.output.result(job, () =>
    facts({
      job: job.job,
      name: job.name,
      state: job.state,
      progress: progressText(job),
      attempts: String(job.attempts),
      created: timeText(job.createdAt),
      ...(job.finishedAt === null ? {} : { finished: timeText(job.finishedAt) }),
      ...(job.error === null ? {} : { error: `${job.error.detail} (${job.error.code})` }),
      ...(job.result === null ? {} : { result: JSON.stringify(job.result) }),
    }),
  );
}

async function cancel(call: Invocation, id: string): Promise<void> {
  await call.origin().remove(route`/jobs/${id}`);
  call.output.result({ job: id, cancelled: true }, () => `cancelled ${id}`);
}

function progressText({ progress, step, state }: Job): string {
  const share = percentText(progress);
  return step === null || state !== 'active' ? share : `${share}, ${step}`;
}
