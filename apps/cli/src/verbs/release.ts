import type { Command } from 'commander';

import { AppName, AppSummary, parseReleaseReference, Release } from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText, timeText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { checkArgument, parseCount } from './arguments.js';

interface ListOptions {
  readonly limit?: string;
}

export function define(command: Command): void {
  command
    .command('list')
    .description('releases of an app, newest first; without an app, the apps')
    .argument('[app]', 'the app')
    .option('--limit <n>', 'at most this many')
    .action(action<ListOptions>((call, app) => (app === undefined ? apps(call) : list(call, app))));
  command
    .command('show')
    .description('one release')
    .argument('<app@version>', 'the release')
    .action(action(show));
}

async function apps(call: Invocation<ListOptions>): Promise<void> {
  const items = await call.origin().list('/apps', AppSummary, limitOf(call.options));
  call.output.result({ items }, () =>
    table(
      ['app', 'releases', 'channels'],
      items.map(({ app, releases, channels }) => [
        app,
        String(releases),
        channels.map(({ channel, version }) => `${channel}=${version}`).join(' '),
      ]),
    ),
  );
}

async function list(call: Invocation<ListOptions>, name: string): Promise<void> {
  const app = checkArgument(AppName, name, 'the app');
  const api = call.origin();
  const path = route`/apps/${app}/releases`;
  const items = await api.suggesting(app, '', () => api.list(path, Release, limitOf(call.options)));
  call.output.result({ items }, () =>
    table(
      ['version', 'created', 'size', 'files', 'artifact', 'by'],
      items.map((release) => [
        release.version,
        timeText(release.createdAt),
        bytesText(release.bytes),
        String(release.files),
        release.artifact.slice(0, 12),
        release.createdBy,
      ]),
    ),
  );
}

async function show(call: Invocation, reference: string): Promise<void> {
  const { app, version } = parseReleaseReference(reference);
  const release = await call.origin().release(app, version);
  call.output.result(release, () =>
    facts({
      release: `${release.app}@${release.version}`,
      artifact: release.artifact,
      ...(release.infoHashV1 === null ? {} : { 'v1 hash': release.infoHashV1 }),
      name: release.name,
      content: `${bytesText(release.bytes)} in ${release.files} ${release.files === 1 ? 'file' : 'files'}`,
      pieces: `${release.pieces} of ${bytesText(release.pieceLength)}`,
      created: `${timeText(release.createdAt)} by ${release.createdBy}`,
    }),
  );
}

function limitOf({ limit }: ListOptions): number | undefined {
  return limit === undefined ? undefined : parseCount(limit, '--limit', 1, 1_000_000);
}
