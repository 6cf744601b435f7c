import type { Command } from 'commander';

import { action, localAction } from '../../action.js';
import type { CreateOptions } from './create.js';
import type { FetchOptions } from './fetch.js';
import type { GetOptions } from './get.js';

/** The sub-commands are loaded when called: only `create` needs the hash threads. */
export function define(command: Command): void {
  command
    .command('create')
    .description('make a .torrent of a file or folder, without an origin')
    .argument('<path>', 'the file or folder; its name becomes the name of the torrent')
    .requiredOption('--out <file>', 'where to write the .torrent')
    .option('--piece-length <bytes>', 'a power of two from 16KiB to 16MiB (default: by size)')
    .option('--format <format>', 'v1, v2 or hybrid (default: hybrid for a file, v2 for a folder)')
    .option('--tracker <url>', 'announce URL; given again, further tiers', collect)
    .option('--name <name>', 'another name than that of the path')
    .option('--public', 'allow other sources of peers than the tracker (BEP 27)')
    .action(
      localAction<CreateOptions>(async (call, path) =>
        (await import('./create.js')).create(call, path),
      ),
    );
  command
    .command('inspect')
    .description('show what a .torrent says, without an origin')
    .argument('<file>', 'the .torrent')
    .action(localAction(async (call, file) => (await import('./inspect.js')).inspect(call, file)));
  command
    .command('get')
    .description('fetch the .torrent of a release, with announce URLs for stock clients')
    .argument('<app@version>', 'the release')
    .requiredOption('--out <file>', 'where to write the .torrent (it holds a key: keep it private)')
    .option('--web-seed', 'let stock clients fetch over HTTP too')
    .option(
      '--format <format>',
      'v1, hybrid or v2 (default: v1 for a file, which old clients need)',
    )
    .action(
      action<GetOptions>(async (call, release) => (await import('./get.js')).get(call, release)),
    );
  command
    .command('fetch')
    .description('make a .torrent of a magnet link, from peers and without an origin')
    .argument('<magnet>', 'the link; it must not be of a private torrent')
    .requiredOption('--out <file>', 'where to write the .torrent')
    .option('--peer <host:port>', 'a peer to ask; given again, further ones', collect)
    .option('--timeout <time>', 'how long to try (default: 60s)')
    .action(
      localAction<FetchOptions>(async (call, link) =>
        (await import('./fetch.js')).fetch(call, link),
      ),
    );
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
