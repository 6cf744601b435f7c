import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { AgentBoard } from './demo/agent-board.ts';
import { compareTrees } from './demo/compare-trees.ts';
import { Service, run } from './demo/processes.ts';
import { makeFirstBuild, makeSecondBuild } from './demo/source-tree.ts';
import { size, table } from './demo/tables.ts';

const AGENTS = 5;
const APP = 'node';
const MOST_ORIGIN_COPIES = 1.5;

const repository = join(import.meta.dirname, '..');
const folder = join(repository, '.demo');
const fleetseed = join(repository, 'bin', 'fleetseed');
const once = process.argv.includes('--once');
const say = (text: string) => process.stdout.write(`${text}\n`);
const services: Service[] = [];

interface Staged {
  readonly agent: string;
  readonly home: string;
  readonly fromOrigin: number;
  readonly fromPeers: number;
  readonly reused: number;
  readonly seconds: number;
}

async function startOrigin(): Promise<{ url: string; dashboard: string; tokenFile: string }> {
  const data = join(folder, 'origin');
  const words = [
    'origin',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    '--peer-listen',
    '127.0.0.1:0',
  ];
  const origin = new Service('origin', fleetseed, words, join(folder, 'origin.log'));
  services.push(origin);
  const ready = await origin.line((line) => line['event'] === 'ready');
  return {
    url: String(ready['api']),
    dashboard: String(ready['dashboard']),
    tokenFile: join(data, 'admin-token'),
  };
}

async function startAgents(url: string): Promise<Service[]> {
  const agents = Array.from({ length: AGENTS }, (_, index) => {
    const name = `host-${index + 1}`;
    const words = [
      'agent',
      '--origin',
      url,
      '--data',
      join(folder, name),
      '--listen',
      '127.0.0.1:0',
    ];
    words.push('--join-token-file', join(folder, 'origin', 'join-token'), '--hostname', name);
    words.push('--label', `rack=r${(index % 2) + 1}`, '--app', `${APP}@stable`);
    return new Service(name, fleetseed, words, join(folder, `${name}.log`));
  });
  services.push(...agents);
  await Promise.all(agents.map((agent) => agent.line((line) => line['event'] === 'ready')));
  return agents;
}

/** Pushes a build and waits until every agent has it; gives what each agent measured. */
async function release(
  version: string,
  build: string,
  agents: readonly Service[],
  board: AgentBoard,
  connection: readonly string[],
): Promise<{ staged: Staged[]; artifact: string; bytes: number }> {
  const words = [
    'push',
    build,
    '--app',
    APP,
    '--version',
    version,
    '--channel',
    'stable',
    '--json',
  ];
  const pushed = JSON.parse(await run(fleetseed, [...words, ...connection])) as Record<
    string,
    unknown
  >;
  say(
    `  pushed: ${size(Number(pushed['bytes']))} in ${String(pushed['pieces'])} pieces, ` +
      `${size(Number(pushed['uploadedBytes']))} sent to the origin\n`,
  );
  board.start(version);
  const staged = await Promise.all(
    agents.map(async (agent) => {
      const isOurs = (event: string) => (line: Record<string, unknown>) =>
        line['event'] === event && line['version'] === version;
      const line = await agent.line(isOurs('staged'));
      await agent.line(isOurs('active'));
      const home = join(folder, agent.name, 'apps', APP, 'current');
      return { agent: agent.name, home, ...line } as unknown as Staged;
    }),
  );
  await board.stop();
  return { staged, artifact: String(pushed['artifact']), bytes: Number(pushed['bytes']) };
}

async function report(
  version: string,
  build: string,
  staged: readonly Staged[],
): Promise<string[]> {
  const complaints: string[] = [];
  const rows: string[][] = [];
  for (const each of staged) {
    const differences = await compareTrees(build, each.home);
    complaints.push(...differences.slice(0, 5).map((text) => `${each.agent}: ${text}`));
    const verified = differences.length === 0 ? 'yes' : `NO (${differences.length})`;
    const sizes = [each.fromOrigin, each.fromPeers, each.reused].map(size);
    rows.push([each.agent, ...sizes, each.seconds.toFixed(2), verified]);
  }
  const head = ['agent', 'from origin', 'from peers', 'reused', 'seconds', 'tree verified'];
  say(`\n  version ${version}\n${table(head, rows)}`);
  return complaints;
}

/** What the origin really sent, from its own ledger, as soon as that accounts for every agent. */
async function savings(
  url: string,
  token: string,
  artifact: string,
): Promise<Record<string, number>> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const response = await fetch(`${url}/api/v1/savings`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const answer = (await response.json()) as {
      artifacts: (Record<string, number> & { artifact: string })[];
    };
    const line = answer.artifacts.find((each) => String(each['artifact']) === artifact);
    if (line?.['stages'] === AGENTS) return line;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('The ledger does not account for every agent.');
}

function sayLedger(version: string, line: Record<string, number>): number {
  const copies = line['origin']! / line['bytes']!;
  say(
    `  origin sent ${size(line['origin']!)} = ${copies.toFixed(2)} copies for ${AGENTS} agents · ` +
      `${(line['ratio']! * 100).toFixed(1)} % of origin bandwidth saved · residual ${line['residual']} B (version ${version})\n`,
  );
  return copies;
}

async function main(): Promise<string[]> {
  const built = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: repository,
    stdio: 'inherit',
  });
  if (built.status !== 0) return ['the build failed'];
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  say('\nMaking two builds out of the Node runtime that npm ci installed …');
  const builds = [join(folder, 'build-1'), join(folder, 'build-2')] as const;
  await makeFirstBuild(repository, builds[0]);
  await makeSecondBuild(builds[0], builds[1]);

  say(`Starting an origin and ${AGENTS} agents …`);
  const { url, dashboard, tokenFile } = await startOrigin();
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const agents = await startAgents(url);
  say(`  dashboard ${dashboard}  (log in with the token in ${tokenFile})`);

  const board = new AgentBoard(url, token);
  const connection = ['--origin', url, '--token-file', tokenFile];
  const complaints: string[] = [];
  for (const [index, build] of builds.entries()) {
    const version = `${index + 1}.0.0`;
    say(`\nPushing version ${version} …`);
    const { staged, artifact } = await release(version, build, agents, board, connection);
    complaints.push(...(await report(version, build, staged)));
    const copies = sayLedger(version, await savings(url, token, artifact));
    if (copies > MOST_ORIGIN_COPIES) complaints.push(`the origin sent ${copies.toFixed(2)} copies`);
    if (index === 0) {
      const lonely = staged.filter((each) => each.fromPeers === 0);
      complaints.push(...lonely.map((each) => `${each.agent} got nothing from peers`));
    } else if (staged.some((each) => each.reused === 0)) {
      complaints.push('an agent reused nothing of the version before');
    }
  }
  for (const complaint of complaints) process.stderr.write(`  ✗ ${complaint}\n`);
  if (!once) {
    say(`Everything is up: ${dashboard}\nCtrl-C ends it.`);
    await new Promise((resolve) =>
      ['SIGINT', 'SIGTERM'].forEach((name) => process.once(name, resolve)),
    );
  }
  return complaints;
}

let complaints: string[];
try {
  complaints = await main();
} catch (error) {
  complaints = [error instanceof Error ? error.message : String(error)];
  process.stderr.write(`  ✗ ${complaints[0]}\n`);
}
await Promise.all(services.map((service) => service.stop()));
process.exit(complaints.length === 0 ? 0 : 1);
