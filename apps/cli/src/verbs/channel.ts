import type { Command } from 'commander';

import {
  AppName,
  ChannelState,
  parseChannelReference,
  VersionName,
  type MoveChannel,
} from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { timeText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { checkArgument, parseCount } from './arguments.js';

interface SetOptions {
  readonly expectedSequence?: string;
}

export function define(command: Command): void {
  command
    .command('list')
    .description('the channels of an app')
    .argument('<app>', 'the app')
    .action(action(list));
  command
    .command('show')
    .description('where a channel points')
    .argument('<app@channel>', 'the channel')
    .action(action(show));
  command
    .command('set')
    .description('move a channel to a release, forwards or back')
    .argument('<app@channel>', 'the channel; it is made if it does not exist')
    .argument('<version>', 'the version it shall point to')
    .option(
      '--expected-sequence <n>',
      'only if this is its sequence now (0: it does not exist yet)',
    )
    .action(action<SetOptions>(set));
  command
    .command('history')
    .description('where a channel pointed, newest first')
    .argument('<app@channel>', 'the channel')
    .action(action(history));
}

async function list(call: Invocation, name: string): Promise<void> {
  const app = checkArgument(AppName, name, 'the app');
  const api = call.origin();
  const path = route`/apps/${app}/channels`;
  const items = await api.suggesting(app, '', () => api.list(path, ChannelState));
  call.output.result({ items }, () => rows(items));
}

async function show(call: Invocation, reference: string): Promise<void> {
  const { app, channel } = parseChannelReference(reference);
  const state = await call.origin().channel(app, channel);
  call.output.result(state, () => text(state));
}

async function set(call: Invocation<SetOptions>, reference: string, given: string): Promise<void> {
  const { app, channel } = parseChannelReference(reference);
  const version = checkArgument(VersionName, given, 'the version');
  const { expectedSequence } = call.options;
  const move: MoveChannel = {
    version,
    ...(expectedSequence === undefined
      ? {}
      : { expectedSequence: parseCount(expectedSequence, '--expected-sequence', 0, 1e12) }),
  };
  const api = call.origin();
  const path = route`/apps/${app}/channels/${channel}`;
  const state = await api.suggesting(app, version, () => api.send('PUT', path, move, ChannelState));
  call.output.result(state, () => text(state));
}

async function history(call: Invocation, reference: string): Promise<void> {
  const { app, channel } = parseChannelReference(reference);
  const api = call.origin();
  const path = route`/apps/${app}/channels/${channel}/history`;
  const items = await api.suggesting(app, channel, () => api.list(path, ChannelState));
  call.output.result({ items }, () => rows(items));
}

function rows(states: readonly ChannelState[]): string {
  return table(
    ['channel', 'version', 'sequence', 'moved', 'by'],
    states.map((state) => [
      state.channel,
      state.version,
      String(state.sequence),
      timeText(state.movedAt),
      state.movedBy,
    ]),
  );
}

function text(state: ChannelState): string {
  return facts({
    channel: `${state.app}@${state.channel}`,
    version: state.version,
    artifact: state.artifact,
    sequence: String(state.sequence),
    policy: state.policy,
    moved: `${timeText(state.movedAt)} by ${state.movedBy}`,
  });
}
