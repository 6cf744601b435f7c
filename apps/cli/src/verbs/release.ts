import type { Command } from 'commander';

import { AppName, AppSummary, parseReleaseReference, Release } from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText, timeText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { checkArgument, parseCount } from './arguments.js';
import type { ImportOptions } from './import-release.js';

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
  command
    .command('import')
    .description('make a release of a file, or a tree, that the origin fetches by itself')
    .argument('<app@version>', 'the release')
    .requiredOption(
      '--from <source>',
      'https://…, s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ for a tree; - reads it from stdin',
    )
    .option(
      '--name <name>',
      'what the file or tree is called (default: the end of the source’s path)',
    )
    .option('--channel <channel>', 'move this channel to the release')
    .option('--sha256 <hex>', 'SHA-256 that the file must have')
    .option('--bytes <n>', 'length that the file, or all of the tree, must have')
    .option('--insecure-http', 'let the file travel over plain http')
    .option('--no-wait', 'return at once; `job show` says how far it is')
    .action(
      action<ImportOptions>(async (call, reference) => {
        const { importRelease } = await import('./import-release.js');
        await importRelease(call, reference);
      }),
    );
  command
    .command('imports')
    .description('imports, newest first; what ended long ago is forgotten')
    .argument('[app]', 'of this app only')
    .option('--limit <n>', 'at most this many (default: 50)')
    .action(
      action<ListOptions>(async (call, app) => {
        const { listImports } = await import('./import-list.js');
        await listImports(call, app);
      }),
    );
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
