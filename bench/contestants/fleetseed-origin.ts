import { join } from 'node:path';

import { command } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';
import type { Stage } from './contestant.types.ts';

export const FLEETSEED = join(import.meta.dirname, '../../bin/fleetseed');
export const APP = 'bench';
export const VERSION = '1.0.0';

const API_PORT = 7070;
const TRACKER_PORT = 6969;

export interface Origin {
  readonly program: Program;
  readonly url: string;
  readonly adminToken: string;
  readonly joinToken: string;
}

/** An origin with default settings, to which the payload was pushed; no channel names it yet. */
export async function startOrigin({ network, payload, folder }: Stage): Promise<Origin> {
  const { origin: host } = network;
  const data = join(folder, 'origin');
  const program = await serve(host, data, API_PORT, []);
  const url = `http://${host.address}:${API_PORT}`;
  const adminToken = join(data, 'admin-token');
  await host.run('push', [
    [FLEETSEED, 'push', payload.path, '--app', APP, '--version', VERSION, '--json'],
    ['--origin', url, '--token-file', adminToken],
  ]);
  return { program, url, adminToken, joinToken: join(data, 'join-token') };
}

/**
 * The same service as nothing but a public tracker, for stock clients: every contestant has the same one.
 * @returns its announce URL
 */
export async function startTracker(host: Host, folder: string): Promise<string> {
  const flags = ['--seeding', 'false', '--tracker-access', 'open'];
  await serve(host, join(folder, 'tracker'), TRACKER_PORT, flags);
  return `http://${host.address}:${TRACKER_PORT}/announce`;
}

async function serve(
  host: Host,
  data: string,
  port: number,
  flags: readonly string[],
): Promise<Program> {
  const program = host.start('fleetseed origin', [
    [FLEETSEED, 'origin', '--data', data, '--log-level', 'warn'],
    // Nothing but the hosts of this network can reach it.
    ['--listen', `${host.address}:${port}`, '--insecure-http', ...flags],
  ]);
  await program.event('ready');
  return program;
}

/** The revision that is measured, and the Node that runs it. */
export function fleetseedVersion(): string {
  const repository = join(import.meta.dirname, '../..');
  const revision = command('git', '-C', repository, 'rev-parse', '--short', 'HEAD').trim();
  const changed = command('git', '-C', repository, 'status', '--porcelain', '--', 'apps', 'libs');
  return `${revision}${changed === '' ? '' : ' with changes'}, Node ${process.version.slice(1)}`;
}
