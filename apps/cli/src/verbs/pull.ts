import type { Command } from 'commander';

import { action } from '../action.js';
import type { PullOptions } from './pull-release.js';

export function define(command: Command): void {
  command
    .argument('<app@version>', 'the release')
    .requiredOption('--out <folder>', 'where the content goes, under its own name')
    .option('--listen <ip:port>', 'where peers connect; port 0 takes a free one', '0.0.0.0:0')
    .option('--advertise <host:port>', 'where peers reach this machine, if that is elsewhere')
    .option('--seed', 'go on seeding until stopped')
    .option('--timeout <time>', 'give up after 90s, 15m or 2h (default: never)')
    .action(
      action<PullOptions>(async (call, release) =>
        (await import('./pull-release.js')).pull(call, release),
      ),
    );
}
