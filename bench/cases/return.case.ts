import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { fleetseedVersion, serveOrigin, type Origin } from '../contestants/fleetseed-origin.ts';
import { readLoopDelay, readMetric } from '../contestants/origin-metrics.ts';
import { HttpLoad } from '../load/http-load.ts';
import { makeFile } from '../measure/payload.ts';
import { usageOf } from '../measure/process-tree.ts';
import { Host } from '../net/host.ts';
import { undoAtExit } from '../net/undo.ts';
import { markdownTable } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase, Tell } from './case.types.ts';
import { readOptions } from './options.ts';
import { TMPFS } from './stage.ts';

/** As many connections as an origin takes with 20,000 open files, less a few. */
const AGENTS = 7000;
const HOLDS = 20;
const MIB = 1024 * 1024;
const PATIENCE_MS = 300_000;
const READS_A_SECOND = 20;
const PROGRAM = join(import.meta.dirname, '..', 'load', 'returning-agents.ts');

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** A whole fleet that comes back at once to an origin that was killed and started again. */
export const returnCase: BenchCase = {
  usage: `[--agents ${AGENTS}] [--holds ${HOLDS}] [--smoke]`,
  async run(words, tell) {
    const options = readOptions(words, ['agents', 'holds']);
    const agents = options.number('agents') ?? (options.smoke ? 100 : AGENTS);
    const holds = options.number('holds') ?? HOLDS;
    const loadNote = loadNow();
    const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
    const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
    const table = await comeBack(folder, agents, holds, tell);
    remove();
    tell(table);
    if (!options.smoke) report(agents, holds, table, loadNote);
  },
};

async function comeBack(
  folder: string,
  agents: number,
  holds: number,
  tell: Tell,
): Promise<string> {
  const host = new Host('origin', '10.255.255.1');
  host.ip('address', 'add', `${host.address}/32`, 'dev', 'lo');
  try {
    const origin = await serveOrigin(host, folder, []);
    const artifacts = await publish(host, origin, folder, holds);
    const crowd = host.start('agents', [
      ['sh', '-c', 'echo 1024 65000 > /proc/sys/net/ipv4/ip_local_port_range; exec "$@"', 'sh'],
      [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM],
      ['--origin', origin.url, '--join', origin.joinToken, '--agents', String(agents)],
      ['--holds', artifacts.join(',')],
    ]);
    const { seconds } = await crowd.event('connected', PATIENCE_MS);
    tell(`  ${agents} agents joined within ${Number(seconds).toFixed(1)} s`);
    crowd.say('lost');
    const waiting = await crowd.line('"event":"waiting"', PATIENCE_MS);
    await origin.program.kill();
    const again = await serveOrigin(host, folder, []);
    crowd.say('ready');
    const token = readFileSync(again.adminToken, 'utf8').trim();
    const reads = await HttpLoad.start(host, {
      url: again.url,
      folder,
      name: 'reads',
      rate: READS_A_SECOND,
      paths: Array.from({ length: 16 }, () => '/api/v1/apps/app-0/releases/1'),
      header: `authorization: Bearer ${token}`,
    });
    const told = async (event: string) => {
      const { text } = await crowd.next(waiting, `"event":"${event}"`, PATIENCE_MS);
      return JSON.parse(text) as Times;
    };
    const back = await told('back');
    const announced = await told('announced');
    const asked = await reads.report();
    const delay = await readLoopDelay(host, again);
    const { cpuSeconds, peakRss } = usageOf(again.program.pid);
    const peers = await readMetric(host, again, 'fleetseed_tracker_peers');
    if (peers < agents * holds) throw new Error(`The tracker knows ${peers} peers only.`);
    if (asked.failed > 0) throw new Error(`Reads failed: ${asked.failure}`);
    const time = ({ p50, p99, last }: Times) =>
      [p50, p99, last].map((each) => each.toFixed(1)).join(' / ');
    const failures = Object.entries(announced.failures).map(([code, count]) => `${count} ${code}`);
    return markdownTable(
      [
        'agents',
        'heard again, s (half / 99 % / all)',
        'in the tracker again, s',
        'attempts that failed',
        'GET release p50, ms',
        'p99, ms',
        'event-loop delay p99, ms',
        'most, ms',
        'CPU of the origin, s',
        'its peak RSS, MiB',
      ],
      [
        [
          agents.toLocaleString('en'),
          time(back),
          time(announced),
          failures.join(', ') || 'none',
          (asked.p50 / 1000).toFixed(1),
          (asked.p99 / 1000).toFixed(0),
          delay.p99.toFixed(0),
          delay.max.toFixed(0),
          cpuSeconds.toFixed(1),
          (peakRss / MIB).toFixed(0),
        ],
      ],
    );
  } finally {
    await host.remove();
  }
}

/** @returns the artifacts of so many small apps */
async function publish(host: Host, origin: Origin, folder: string, count: number) {
  const token = readFileSync(origin.adminToken, 'utf8').trim();
  const artifacts: string[] = [];
  for (let at = 0; at < count; at++) {
    const path = join(folder, `small-${at}`);
    await makeFile(path, 4096, path);
    const url = `${origin.url}/api/v1/apps/app-${at}/releases/1/content?name=small`;
    const words = [
      'curl',
      '-sS',
      '--fail',
      '-H',
      `authorization: Bearer ${token}`,
      '-T',
      path,
      url,
    ];
    artifacts.push((JSON.parse(await host.run('curl', words)) as { artifact: string }).artifact);
  }
  return artifacts;
}

function report(agents: number, holds: number, table: string, loadNote: string): void {
  writeSection({
    title: 'Origin: a whole fleet comes back at once',
    method:
      `${agents.toLocaleString('en')} agents with the agent's own session, control link and way back, in one process beside the ` +
      `origin, on the same cores; each holds ${holds} artifacts. The origin is killed (SIGKILL) and started again on its depot; its peer ` +
      `lists, in memory, are gone. Times are from its ready line: until agents have proven themselves and have their event ` +
      `streams, and until each has told the tracker of all it holds, which it does at a moment of its own choice within ` +
      `8 s. A release is asked for ${READS_A_SECOND} times a second meanwhile. The number of agents is what the limit of open files of this machine (20,000) allows.`,
    contestants: [{ name: 'fleetseed', version: fleetseedVersion(), settings: 'defaults' }],
    table,
    notes: [loadNote],
  });
}
