import {
  fleetseedKeyed,
  fleetseedKnown,
  fleetseedRedis,
  fleetseedTracker,
} from '../contestants/fleetseed-tracker.ts';
import { opentracker } from '../contestants/opentracker.ts';
import type { TrackerContestant } from '../contestants/tracker.types.ts';
import { peersOf, type LoadResult, type Shape } from '../load/announce-load.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase } from './case.types.ts';
import { chosen, COMMON_USAGE, readOptions, UsageError } from './options.ts';
import { CALM_RATE, runRound, type Course, type Phase, type Round } from './tracker.round.ts';

const TRACKERS = [fleetseedTracker, opentracker];
const ALL_TRACKERS = [...TRACKERS, fleetseedKeyed, fleetseedKnown, fleetseedRedis];
const MILLION = 1_000_000;
/** A host has to connect again every minute; more of them than this would do little else. */
const ACTIVE = 20_000;

const grid = (swarms: number): Shape => ({
  title: `10,000 hosts × ${swarms.toLocaleString('en')} swarms`,
  hosts: 10_000,
  swarms,
  diagonal: false,
});

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
  'longest pause, ms: filling / full / calm / expiring',
];

interface Measured {
  readonly tracker: TrackerContestant;
  readonly rounds: Round[];
}

/** Announces over UDP, against opentracker, under one load generator. */
export const trackerCase: BenchCase = {
  usage: `[--shape ${Object.keys(SHAPES).join('|')}] [--seconds 5] [--expiry MINUTES] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['shape', 'seconds', 'expiry']);
    const { smoke, rounds, only } = options;
    const name = options.text('shape');
    const shapes = smoke ? [SMOKE] : name === undefined ? Object.values(SHAPES) : [shapeOf(name)];
    const seconds = options.number('seconds') ?? (smoke ? 1 : 5);
    const expiryMinutes = options.number('expiry') ?? null;
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
      const all = entered.map((tracker): Measured => ({ tracker, rounds: [] }));
      for (let round = 1; round <= rounds; round++) {
        for (const { tracker, rounds: of } of all) {
          of.push(await runRound(tracker, shape, { seconds, expiryMinutes }, tell));
        }
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

function row({ tracker, rounds }: Measured, shape: Shape): string[] {
  const of = (phase: 'filled' | 'full' | 'calm', key: keyof LoadResult, digits = 0) =>
    spread(
      rounds.map((each) => each[phase][key]),
      digits,
    );
  return [
    tracker.name,
    of('full', 'perSecond'),
    spread(
      rounds.map(({ cpu }) => cpu),
      1,
    ),
    of('full', 'peersPerAnswer', 1),
    of('calm', 'p50'),
    of('calm', 'p99'),
    of('calm', 'p999'),
    mebibytes(rounds.map(({ rss }) => rss)),
    spread(
      rounds.map(({ rss }) => rss / peersOf(shape)),
      1,
    ),
    of('filled', 'perSecond'),
    (['filled', 'full', 'calm', 'expiring'] as const)
      .map((phase) => worstPause(rounds.map((each) => each[phase])))
      .join(' / '),
  ];
}

function worstPause(phases: readonly (Phase | null)[]): string {
  const pauses = phases.map((phase) => phase?.pause ?? null).filter((pause) => pause !== null);
  return pauses.length === 0 ? '–' : Math.max(...pauses).toFixed(1);
}

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
      `RSS is that of the whole process afterwards. Rounds: ${rounds}. A pause is how late a timer of its event loop was, at most; ` +
      `expiring: announces at the same rate while those that announced first are given up, some 17 minutes later.`,
    contestants: all.map(({ tracker }) => tracker),
    table,
    notes: [loadNote],
  });
}
