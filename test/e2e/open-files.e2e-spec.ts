import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { listTree } from '../support/content.js';
import { active, pushStable } from '../support/fleet.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const OPEN_FILES = 256;
const APPS = ['a', 'b', 'c'];
/** CPU time is counted in ticks of this, milliseconds. */
const TICK_MS = 10;

let sandbox: Sandbox;
let origin: OriginProcess;
const trees = new Map<string, string>();

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin(undefined, { openFiles: OPEN_FILES });
  for (const app of APPS) {
    const files: Record<string, Buffer> = { large: randomBytes(8 * MIB) };
    for (let file = 0; file < 1500; file++) {
      files[`folder-${file % 30}/file-${file}`] = randomBytes(1 + ((file * 7919) % 6000));
    }
    trees.set(app, await sandbox.tree(files));
    await pushStable(origin, trees.get(app)!, app, '1');
  }
});
afterAll(() => sandbox.close());

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Watches the number of descriptors until the work is done. */
async function mostOpen(pids: readonly number[], work: Promise<unknown>): Promise<number> {
  let most = 0;
  let working = true;
  const done = work.finally(() => (working = false));
  while (working) {
    for (const pid of pids) most = Math.max(most, openFiles(pid));
    await pause(5);
  }
  await done;
  return most;
}

/** CPU time of a process so far, milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function open(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ host: '127.0.0.1', port });
    return socket.on('error', () => {});
  });
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve) => {
          socket.once('connect', resolve).once('close', resolve);
        }),
    ),
  );
  return sockets;
}

const follow = APPS.flatMap((app) => ['--app', `${app}@stable`]);
const portOf = (address: unknown) => Number(String(address).split(':').at(-1));

describe(`with at most ${OPEN_FILES} descriptors`, () => {
  it('trees of thousands of files are staged and seeded, and none of them is the last one', async () => {
    const options = { args: follow, openFiles: OPEN_FILES };
    const agents = [await sandbox.agent(origin, undefined, options)];
    agents.push(await sandbox.agent(origin, undefined, options));
    const staged = Promise.all(
      agents.flatMap((agent) =>
        APPS.map((app) => agent.service.event('active', 90_000, { app, version: '1' })),
      ),
    );
    const pids = [origin.service.pid, ...agents.map(({ service }) => service.pid)];
    expect(await mostOpen(pids, staged)).toBeLessThan(OPEN_FILES - 16);
    for (const app of APPS) {
      const current = `${agents[1]!.data}/apps/${app}/current`;
      expect(await listTree(current)).toEqual(await listTree(trees.get(app)!));
    }
  });

  it('more connections than there are descriptors neither end nor occupy anybody', async () => {
    const agent = await sandbox.agent(origin, undefined, { openFiles: OPEN_FILES });
    const { peer } = await agent.service.event('ready');
    const ready = origin.service.events.find(({ event }) => event === 'ready')!;
    const ports = [portOf(peer), portOf(ready['peer']), portOf(new URL(origin.url).port)];
    const crowd = (await Promise.all(ports.map((port) => open(port, 300)))).flat();
    const pids = [origin.service.pid, agent.service.pid];
    await pause(500);
    const before = pids.map(cpuMs);
    await pause(2000);
    for (const [at, pid] of pids.entries()) {
      expect(openFiles(pid)).toBeLessThan(OPEN_FILES - 8);
      // Next to nothing is done about them: less than a third of the time.
      expect(cpuMs(pid) - before[at]!).toBeLessThan(700);
    }
    for (const socket of crowd) socket.destroy();
    await until('the origin answers', async () => {
      const { exit } = await origin.run(['release', 'list', 'a']);
      return exit === 0;
    });
    const args = ['--app', 'a@stable'];
    await active(await sandbox.agent(origin, undefined, { args, openFiles: OPEN_FILES }), '1');
  });

  it('an agent that is left without any goes on when there are some', async () => {
    const files = Array.from({ length: 2000 }, (_, file) => [`file-${file}`, randomBytes(12_000)]);
    await pushStable(origin, await sandbox.tree(Object.fromEntries(files)), 'd', '1');
    await origin.json('swarm', 'limit', '--up', '6MB/s');
    const args = ['--app', 'd@stable', '--log-level', 'debug'];
    const { service, data } = await sandbox.agent(origin, undefined, {
      args,
      openFiles: OPEN_FILES,
    });
    await service.event('ready');
    await until('something has come', () => {
      try {
        return readdirSync(`${data}/apps/d/releases`).length > 0;
      } catch {
        return false;
      }
    });
    const limitTo = (soft: number) =>
      execFileSync('prlimit', ['--pid', String(service.pid), `--nofile=${soft}:${OPEN_FILES}`]);
    limitTo(3);
    await pause(3000);
    limitTo(OPEN_FILES);
    expect(service.stderr).toContain('EMFILE');
    await origin.json('swarm', 'limit', '--up', 'off');
    await active({ service, data }, '1');
  });
});
