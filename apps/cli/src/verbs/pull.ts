import type { Command } from 'commander';

import { action } from '../action.js';
import type { PullOptions } from './pull-release.js';

export function define(command: Command): void {
  command
    .argument('<app@version>', 'the release')
    .option('--out <folder>', 'where the content goes, under its own name')
    .option('--stdout', 'write one file to stdout, in order, while it is downloaded')
    .option('--select <path...>', 'of a tree only these files and folders')
    .option('--verify', 'check what is there already, and fetch only what is bad or missing')
    .option('--listen <ip:port>', 'where peers connect; port 0 takes a free one', '0.0.0.0:0')
    .option('--advertise <host:port>', 'where peers reach this machine, if that is elsewhere')
    .option('--up <rate>', 'most that is sent to peers: 10MB/s, 80Mbit/s')
    .option('--down <rate>', 'most that is received from peers')
    .option('--seed', 'go on seeding until stopped')
    .option('--timeout <time>', 'give up after 90s, 15m or 2h (default: never)')
    .action(
      action<PullOptions>(async (call, release) => {
        const { prefetch } = await import('../pull/prefetch.js');
        const prefetched = prefetch(call, release);
        return (await import('./pull-release.js')).pull(call, prefetched);
      }),
    );
}
