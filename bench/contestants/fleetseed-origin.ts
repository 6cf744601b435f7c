import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { command } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';
import type { Stage } from './contestant.types.ts';

export const FLEETSEED = join(import.meta.dirname, '../../bin/fleetseed');
export const APP = 'bench';
export const VERSION = '1.0.0';

/** A large one is hashed twice and written once. */
const PUSH_MS = 600_000;
const LARGE = 64 * 1024 * 1024;
const API_PORT = 7070;
const TRACKER_PORT = 6969;

export interface Origin {
  readonly program: Program;
  readonly url: string;
  readonly adminToken: string;
  readonly joinToken: string;
}

/** An origin with default settings, to which the payload was pushed; no channel names it yet. */
export async function startOrigin(stage: Stage, flags: readonly string[] = []): Promise<Origin> {
  const { network, payload, folder } = stage;
  const { origin: host } = network;
  const origin = await serveOrigin(host, folder, flags);
  await host.run(
    'push',
    [
      [FLEETSEED, 'push', payload.path, '--app', APP, '--version', VERSION, '--json'],
      ['--origin', origin.url, '--token-file', origin.adminToken],
    ],
    PUSH_MS,
  );
  if (payload.sparse) digHoles(join(folder, 'origin', 'depot', 'blobs'));
  return origin;
}

/** An origin that has nothing yet. */
export async function serveOrigin(
  host: Host,
  folder: string,
  flags: readonly string[],
): Promise<Origin> {
  const data = join(folder, 'origin');
  return {
    program: await serve(host, data, API_PORT, flags),
    url: `http://${host.address}:${API_PORT}`,
    adminToken: join(data, 'admin-token'),
    joinToken: join(data, 'join-token'),
  };
}

/** What the origin wrote down is full of zeros; as holes they cost no disk when they are read. */
function digHoles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(file).size >= LARGE) command('fallocate', '--dig-holes', file);
  }
}

/**
 * The same service as nothing but a public tracker, for stock clients: every contestant has the same one.
 * @returns its announce URL
 */
export async function startTracker(host: Host, folder: string): Promise<string> {
  const flags = ['--roles', 'api,tracker,work', '--tracker-access', 'open'];
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
