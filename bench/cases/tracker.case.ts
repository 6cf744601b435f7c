import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import {
  fleetseedKeyed,
  fleetseedKnown,
  fleetseedRedis,
  fleetseedTracker,
} from '../contestants/fleetseed-tracker.ts';
import { opentracker } from '../contestants/opentracker.ts';
import type { TrackerContestant } from '../contestants/tracker.types.ts';
import {
  buildLoad,
  fill,
  hashesOf,
  inSwarms,
  load,
  peersOf,
  type LoadResult,
  type Shape,
} from '../load/announce-load.ts';
import { residentNow, usageOf } from '../measure/process-tree.ts';
import { Host } from '../net/host.ts';
import { undoAtExit } from '../net/undo.ts';
import { markdownTable, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase, Tell } from './case.types.ts';
import { chosen, COMMON_USAGE, readOptions, UsageError } from './options.ts';
import { TMPFS } from './stage.ts';

const MIB = 1024 * 1024;
const TRACKERS = [fleetseedTracker, opentracker];
const ALL_TRACKERS = [...TRACKERS, fleetseedKeyed, fleetseedKnown, fleetseedRedis];
/** A latency is only one where the tracker is not drowned. */
const CALM_RATE = 20_000;
const MICRO = 1e6;
const MILLION = 1_000_000;
/** A host has to connect again every minute; more of them than this would do little else. */
const ACTIVE = 20_000;

const grid = (swarms: number): Shape => ({
  title: `10,000 hosts × ${swarms.toLocaleString('en')} swarms`,
  hosts: 10_000,
  swarms,
  diagonal: false,
});

/** A shape, and who is measured in it. */
interface Course extends Shape {
  readonly trackers?: readonly TrackerContestant[];
  /** Announces a second at which latencies are taken. */
  readonly calmRate?: number;
}

const SHAPES: Readonly<Record<string, Course>> = {
  '1m': grid(100),
  '10m': grid(1000),
  '27m': grid(2700),
  one: { title: 'one swarm', hosts: MILLION, swarms: 1, diagonal: false, active: ACTIVE },
  many: { title: 'swarms of one', hosts: 10_000, swarms: MILLION, diagonal: true },
  keyed: {
    ...grid(100),
    title: '10,000 hosts × 100 torrents of an origin',
    trackers: [fleetseedKeyed, fleetseedKnown, opentracker],
  },
  shared: {
    title: '2,000 hosts × 10 swarms, shared by replicas',
    hosts: 2000,
    swarms: 10,
    diagonal: false,
    trackers: [fleetseedRedis, fleetseedTracker],
    calmRate: 1000,
  },
};
const SMOKE: Course = {
  title: 'smoke',
  hosts: 200,
  swarms: 20,
  diagonal: false,
  trackers: ALL_TRACKERS,
  calmRate: 200,
};
const HEAD = [
  '',
  'announces/s',
  'CPU-µs each',
  'peers in an answer',
  'p50, µs',
  'p99, µs',
  'p99.9, µs',
  'RSS, MiB',
  'RSS, bytes a peer',
  'filled at, /s',
  'longest pause while filled / full / calm, ms',
];

interface Measured {
  readonly tracker: TrackerContestant;
  readonly filled: LoadResult[];
  readonly full: LoadResult[];
  readonly calm: LoadResult[];
  readonly rss: number[];
  /** Of the tracker, for each announce at full speed: user and system, in microseconds. */
  readonly cpu: number[];
  /** Of its event loop, in the three phases, ms; none where it cannot tell. */
  readonly pauses: number[][];
}

/** Announces over UDP, against opentracker, under one load generator. */
export const trackerCase: BenchCase = {
  usage: `[--shape ${Object.keys(SHAPES).join('|')}] [--seconds 5] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['shape', 'seconds']);
    const { smoke, rounds, only } = options;
    const name = options.text('shape');
    const shapes = smoke ? [SMOKE] : name === undefined ? Object.values(SHAPES) : [shapeOf(name)];
    const seconds = options.number('seconds') ?? (smoke ? 1 : 5);
    const trackers = chosen(ALL_TRACKERS, only);
    for (const { name: missing, package: from } of trackers.filter(
      ({ version }) => version === null,
    )) {
      tell(`${missing} is not installed (apt-get install ${from}) and left out.`);
    }
    const present = trackers.filter(({ version }) => version !== null);
    for (const shape of shapes) {
      const entered = present.filter((each) => (shape.trackers ?? TRACKERS).includes(each));
      const loadNote = loadNow();
      const all = entered.map((tracker): Measured => ({
        tracker,
        filled: [],
        full: [],
        calm: [],
        rss: [],
        cpu: [],
        pauses: [],
      }));
      for (let round = 1; round <= rounds; round++) {
        for (const each of all) await measure(each, shape, seconds, round, tell);
      }
      const table = markdownTable(
        HEAD,
        all.map((each) => row(each, shape)),
      );
      tell(`${shape.title}\n${table}`);
      if (!smoke) report(shape, all, table, rounds, seconds, loadNote);
    }
  },
};

async function measure(
  { tracker, filled, full, calm, rss, cpu, pauses }: Measured,
  course: Course,
  seconds: number,
  round: number,
  tell: Tell,
): Promise<void> {
  const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
  const host = new Host('tracker', '10.255.255.1');
  host.ip('address', 'add', `${host.address}/32`, 'dev', 'lo');
  // Every address of this network is one of the generator's.
  host.ip('route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo');
  try {
    const generator = buildLoad(folder);
    const own = join(folder, 'tracker');
    mkdirSync(own);
    const started = await tracker.start(host, own, hashesOf(generator, course));
    const { programs, swarms, longestPause } = started;
    const shape = swarms ? inSwarms(course, swarms, folder) : course;
    const cpuNow = () => sumOf(programs.map(({ pid }) => usageOf(pid).cpuSeconds));
    const stood: number[] = [];
    const lookAtPause = async () => longestPause && stood.push(await longestPause());
    await lookAtPause();
    filled.push(await fill(host, generator, host.address, shape));
    await lookAtPause();
    const before = cpuNow();
    full.push(await load(host, generator, host.address, shape, seconds, null));
    cpu.push(((cpuNow() - before) * MICRO) / full.at(-1)!.answered);
    const calmRate = course.calmRate ?? CALM_RATE;
    await lookAtPause();
    calm.push(await load(host, generator, host.address, shape, seconds, calmRate));
    await lookAtPause();
    if (longestPause) pauses.push(stood.slice(1));
    rss.push(sumOf(programs.map(({ pid }) => residentNow(pid))));
    for (const program of programs) program.requireAlive();
    const [first, quick, slow] = [filled.at(-1)!, full.at(-1)!, calm.at(-1)!];
    tell(
      `  round ${round}: ${tracker.name}, ${shape.title}: filled at ${first.perSecond}/s, then ` +
        `${quick.perSecond}/s; at ${slow.perSecond}/s p50 ${slow.p50} µs, p99 ${slow.p99} µs; ` +
        `${(rss.at(-1)! / MIB).toFixed(0)} MiB; lost ${first.lost}, ${quick.lost}, ${slow.lost}`,
    );
  } finally {
    await host.remove();
    remove();
  }
}

function row({ tracker, filled, full, calm, rss, cpu, pauses }: Measured, shape: Shape): string[] {
  const of = (results: readonly LoadResult[], key: keyof LoadResult, digits = 0) =>
    spread(
      results.map((each) => each[key]),
      digits,
    );
  return [
    tracker.name,
    of(full, 'perSecond'),
    spread(cpu, 1),
    of(full, 'peersPerAnswer', 1),
    of(calm, 'p50'),
    of(calm, 'p99'),
    of(calm, 'p999'),
    spread(
      rss.map((bytes) => bytes / MIB),
      0,
    ),
    spread(
      rss.map((bytes) => bytes / peersOf(shape)),
      1,
    ),
    of(filled, 'perSecond'),
    pauses.length === 0 ? '' : [0, 1, 2].map((phase) => worst(pauses, phase)).join(' / '),
  ];
}

const worst = (pauses: readonly number[][], phase: number) =>
  Math.max(...pauses.map((each) => each[phase]!)).toFixed(1);

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

function shapeOf(name: string): Course {
  const shape = SHAPES[name];
  if (shape) return shape;
  throw new UsageError(`There is no shape ${name}; there are ${Object.keys(SHAPES).join(', ')}.`);
}

function report(
  shape: Course,
  all: readonly Measured[],
  table: string,
  rounds: number,
  seconds: number,
  loadNote: string,
): void {
  writeSection({
    title: `Tracker: ${peersOf(shape).toLocaleString('en')} peers, ${shape.title}`,
    method:
      `Announces over UDP from addresses of their own, to a tracker in the same network namespace; random ` +
      `downloaders of those that had announced before, each asking for 50 peers. As many as are answered with ` +
      `512 under way, for ${seconds} s; then latencies at ${(shape.calmRate ?? CALM_RATE).toLocaleString('en')} a second. ` +
      `RSS is that of the whole process afterwards. A pause is how late a timer of its event loop was, at most. Rounds: ${rounds}.`,
    contestants: all.map(({ tracker }) => tracker),
    table,
    notes: [loadNote],
  });
}
