import type { Command } from 'commander';

import { HostPort } from '#lib/contracts';

import { action } from '../action.js';
import type { CheckResult } from '../diagnosis/check.types.js';
import { checkDisk } from '../diagnosis/disk-check.js';
import { checkClock, checkOrigin, checkToken } from '../diagnosis/origin-checks.js';
import { checkPeerPorts } from '../diagnosis/peer-check.js';
import type { Invocation } from '../invocation.js';
import { table } from '../output/table.js';
import { checkArgument } from './arguments.js';

interface DoctorOptions {
  readonly peer?: string;
  readonly dir: string;
}

export function define(command: Command): void {
  command
    .option('--peer <host:port>', "a peer port to try instead of the origin's")
    .option('--dir <folder>', 'where downloads would go', '.')
    .action(action<DoctorOptions>(doctor));
}

/** All checks are made and told, whatever the others found; a failed one makes the exit code 1. */
async function doctor(call: Invocation<DoctorOptions>): Promise<void> {
  const { peer, dir } = call.options;
  const given = peer === undefined ? undefined : checkArgument(HostPort, peer, '--peer');
  const checks = [...(await originChecks(call, given)), await checkDisk(dir)];
  const ok = checks.every(({ state }) => state !== 'failed');
  call.output.result({ ok, checks }, () =>
    table(
      ['check', 'state', ''],
      checks.map(({ check, state, detail }) => [check, state, detail]),
    ),
  );
  if (!ok) process.exitCode = 1;
}

async function originChecks(
  call: Invocation<DoctorOptions>,
  peer: string | undefined,
): Promise<CheckResult[]> {
  const api = call.origin();
  const origin = await checkOrigin(api);
  if (origin.state === 'failed') return [origin];
  return [
    origin,
    await checkClock(api, Date.now),
    await checkToken(api),
    await checkPeerPorts(api, peer),
  ];
}
