import type { Command } from 'commander';

import { FleetseedError, Target, TargetId } from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText, percentText, timeText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { checkArgument } from './arguments.js';

interface ListOptions {
  readonly label?: readonly string[];
}

export function define(command: Command): void {
  command
    .command('list')
    .description('machines of the fleet')
    .option('--label <k=v>', 'only those with this label; may be given again', collect)
    .action(action<ListOptions>(list));
  command
    .command('show')
    .description('one machine and what it runs')
    .argument('<target>', 'its id')
    .action(action(show));
  command
    .command('remove')
    .description('forget a machine: it must join again')
    .argument('<target>', 'its id')
    .action(action(remove));
}

async function list(call: Invocation<ListOptions>): Promise<void> {
  const labels = (call.options.label ?? []).map((label) => {
    if (/^[^=]+=[^=]+$/.test(label)) return `label=${encodeURIComponent(label)}`;
    throw new FleetseedError('USAGE', `--label "${label}" is not of the form key=value.`);
  });
  const path = labels.length === 0 ? '/targets' : `/targets?${labels.join('&')}`;
  const items = await call.origin().list(path, Target);
  call.output.result({ items }, () =>
    table(
      ['target', 'host', 'state', 'last seen', 'labels', 'apps'],
      items.map((target) => [
        target.target,
        target.hostname,
        target.online ? 'online' : 'offline',
        timeText(target.lastSeenAt),
        labelsText(target),
        target.apps
          .map(({ app, current, phase }) => `${app}=${current ?? '-'} (${phase})`)
          .join(' '),
      ]),
    ),
  );
}

async function show(call: Invocation, id: string): Promise<void> {
  const target = await call.origin().get(route`/targets/${idOf(id)}`, Target);
  call.output.result(target, () => {
    const about = facts({
      target: target.target,
      host: target.hostname,
      state: target.online ? 'online' : 'offline',
      labels: labelsText(target),
      agent: target.agentVersion,
      joined: timeText(target.joinedAt),
      'last seen': timeText(target.lastSeenAt),
      free: target.freeBytes === null ? 'not known' : bytesText(target.freeBytes),
    });
    const rows = target.apps.map((app) => [
      `${app.app}@${app.channel}`,
      app.wanted ?? '-',
      app.current ?? '-',
      app.previous ?? '-',
      app.phase,
      percentText(app.progress),
      app.error === null ? '' : `${app.error.detail} (${app.error.code})`,
    ]);
    const titles = ['app', 'wanted', 'current', 'previous', 'phase', 'staged', 'error'];
    return rows.length === 0 ? about : `${about}\n\n${table(titles, rows)}`;
  });
}

async function remove(call: Invocation, id: string): Promise<void> {
  const target = idOf(id);
  await call.origin().remove(route`/targets/${target}`);
  call.output.result({ target, removed: true }, () => `removed ${target}`);
}

function idOf(id: string): string {
  return checkArgument(TargetId, id, 'the target');
}

function labelsText({ labels }: Target): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
