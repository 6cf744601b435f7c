import type { Command } from 'commander';

import { action } from '../action.js';
import type { PushOptions } from './push-release.js';

export function define(command: Command): void {
  command
    .argument('<path>', 'the file or folder to push')
    .requiredOption('--app <app>', 'the app it is a release of')
    .requiredOption('--version <version>', 'the version of the release')
    .option('--channel <channel>', 'move this channel to the release')
    .option('--name <name>', "the artifact's name (default: the file's, or the app's for a folder)")
    .option('--format <format>', 'hybrid (default for a file) or v2 (default for a folder)')
    .option('--piece-length <bytes>', 'a power of two from 16KiB to 16MiB (default: by size)')
    .option('--parallel <n>', 'requests under way at once', '4')
    .option('--direct', 'large files go straight to the bucket in which the origin keeps its depot')
    .action(
      action<PushOptions>(async (call, path) =>
        (await import('./push-release.js')).push(call, path),
      ),
    );
}
