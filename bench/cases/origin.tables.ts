import { mebibytes, markdownTable, spread } from '../report/format.ts';
import type { OriginPlan, OriginRound, Upload } from './origin.round.ts';

const MEGA = 1e6;
const GIGA = 1e9;
const YARDSTICK = 'curl → nginx';

/** Uploads by what took them, beside nginx in the same round. */
export function uploadTable(rounds: readonly OriginRound[], plan: OriginPlan): string {
  const kinds = new Map<string, Upload>();
  for (const each of rounds[0]!.uploads) kinds.set(keyOf(each), each);
  const rows = [...kinds.values()].map((kind) => {
    const mine = rounds.map(({ uploads }) => uploads.find((each) => keyOf(each) === keyOf(kind))!);
    const others = rounds.map(({ uploads }) =>
      uploads.find((each) => keyOf(each) === keyOf({ ...kind, target: YARDSTICK }))!,
    );
    return [
      kind.target,
      kind.tree ? `a tree of ${plan.files.toLocaleString('en')} files` : `${plan.clients} files`,
      kind.loaded ? 'under load' : 'alone',
      spread(
        mine.map(({ bytes, seconds }) => bytes / MEGA / seconds),
        0,
      ),
      spread(
        mine.map(({ seconds }, round) => others[round]!.seconds / seconds),
        2,
      ),
      spread(
        mine.map(({ bytes, cpuSeconds }) => cpuSeconds / (bytes / GIGA)),
        1,
      ),
    ];
  });
  return markdownTable(['uploads', 'what', '', 'MB/s', '× nginx', 'CPU-s/GB of the server'], rows);
}

/** What the fleet saw, with and without uploads beside it. */
export function fleetTable(rounds: readonly OriginRound[]): string {
  const rows = rounds[0]!.windows.map(({ while: name }, at) => {
    const all = rounds.map(({ windows }) => windows[at]!);
    const of = (digits: number, read: (window: (typeof all)[number]) => number) =>
      spread(all.map(read), digits);
    const told = all
      .flatMap(({ moves }) => moves.map(({ last }) => last))
      .toSorted((a, b) => a - b);
    return [
      name,
      of(
        0,
        ({ announces, udpAnnounces }) =>
          announces.answered / announces.seconds + udpAnnounces.perSecond,
      ),
      of(1, ({ announces }) => announces.p50 / 1000),
      of(1, ({ announces }) => announces.p99 / 1000),
      of(1, ({ udpAnnounces }) => udpAnnounces.p50 / 1000),
      of(1, ({ udpAnnounces }) => udpAnnounces.p99 / 1000),
      of(1, ({ reads }) => reads.p50 / 1000),
      of(1, ({ reads }) => reads.p99 / 1000),
      `${told[told.length >> 1]!.toFixed(0)} / ${told.at(-1)!.toFixed(0)} of ${told.length}`,
      of(
        0,
        ({ announces, reads, udpAnnounces }) => announces.failed + reads.failed + udpAnnounces.lost,
      ),
      of(1, ({ loopDelay }) => loopDelay.p99),
      of(1, ({ loopDelay }) => loopDelay.max),
      of(0, ({ cpuSeconds, seconds }) => (100 * cpuSeconds) / seconds),
      mebibytes(all.map(({ peakRss }) => peakRss)),
    ];
  });
  return markdownTable(HEAD, rows);
}

const HEAD = [
  'while',
  'announces/s',
  'over HTTP p50, ms',
  'p99, ms',
  'over UDP p50, ms',
  'p99, ms',
  'GET release p50, ms',
  'p99, ms',
  'last told, median / most, ms',
  'failed or lost',
  'event-loop delay p99, ms',
  'most, ms',
  'origin CPU, % of a core',
  'peak RSS, MiB',
];

const keyOf = ({ target, tree, loaded }: Pick<Upload, 'target' | 'tree' | 'loaded'>) =>
  `${target} ${tree} ${loaded}`;
