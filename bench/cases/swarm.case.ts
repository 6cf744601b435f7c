import { join } from 'node:path';

import { aria2 } from '../contestants/aria2.ts';
import type { Contestant, HostPlan } from '../contestants/contestant.types.ts';
import { fleetseedAgents, fleetseedAndAria2 } from '../contestants/fleetseed-agents.ts';
import { libtorrent, libtorrentAndAria2 } from '../contestants/libtorrent.ts';
import { nginxCurl } from '../contestants/nginx-curl.ts';
import { BOUND_FORMULA, ownBounds } from '../measure/own-bound.ts';
import { makeFile, makeTree } from '../measure/payload.ts';
import { median } from '../measure/statistics.ts';
import { joinSwarm, SHAPING } from '../net/network.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase, Tell } from './case.types.ts';
import { chosen, COMMON_USAGE, readOptions, UsageError, type CommonOptions } from './options.ts';
import { absent, holdMeeting, TMPFS, type Rounds } from './stage.ts';
import { plansOf, VARIANT_METHOD, VARIANTS, type Variant } from './swarm.variants.ts';

const MIB = 1024 * 1024;
/** So many times its bound, and this, a host may take before it counts as starved. */
const PATIENCE = 15;
const PATIENCE_MS = 60_000;
/** A tenth of the hosts take ten times as long. */
const PATIENCE_SLOW = 3;
const HEAD = [
  '',
  'finished',
  'last host, s',
  '× own bound',
  'median host × bound',
  'others, last × bound',
  'origin sent, copies',
  'CPU-s, all',
  'peak RSS seed, MiB',
  'largest host',
];
const CONTESTANTS = [fleetseedAgents, libtorrent, aria2];
const MIXED = [fleetseedAndAria2, libtorrentAndAria2];

interface Size {
  readonly hosts: number;
  readonly mbit: number;
  readonly mib: number;
}

const SIZES: readonly Size[] = [
  { hosts: 16, mbit: 100, mib: 128 },
  { hosts: 40, mbit: 50, mib: 64 },
];
const SMOKE: Size = { hosts: 5, mbit: 100, mib: 16 };

/** One origin and many hosts on a bridge, their links shaped. */
export const swarmCase: BenchCase = {
  usage:
    `[--variant ${VARIANTS.join('|')}] [--hosts N --mbit N --mib N] [--files 20000] ${COMMON_USAGE}\n` +
    '  Without a variant: all of them with 16 hosts at 100 Mbit/s and 128 MiB, and even also with 40 at 50 ' +
    'Mbit/s and 64 MiB.',
  async run(words, tell) {
    const options = readOptions(words, ['variant', 'hosts', 'mbit', 'mib', 'files']);
    const { smoke } = options;
    const asked = VARIANTS.find((each) => each === options.text('variant'));
    if (asked === undefined && options.text('variant') !== undefined) {
      throw new UsageError(`--variant is one of ${VARIANTS.join(', ')}.`);
    }
    const files = options.number('files') ?? (smoke ? 600 : 20_000);
    const [hosts, mbit, mib] = (['hosts', 'mbit', 'mib'] as const).map(options.number);
    const base = smoke ? SMOKE : SIZES[0]!;
    const given = hosts !== undefined || mbit !== undefined || mib !== undefined;
    const own = { hosts: hosts ?? base.hosts, mbit: mbit ?? base.mbit, mib: mib ?? base.mib };
    for (const variant of asked ? [asked] : VARIANTS) {
      const sizes = given || smoke || variant !== 'even' ? [own] : SIZES;
      for (const size of sizes) await benchSwarm({ ...options, ...size, variant, files, tell });
    }
  },
};

interface SwarmOptions extends CommonOptions, Size {
  readonly variant: Variant;
  readonly files: number;
  readonly tell: Tell;
}

async function benchSwarm(options: SwarmOptions): Promise<void> {
  const { variant, hosts, mbit, mib, files, rounds, smoke, tell } = options;
  const bytes = mib * MIB;
  const contestants = contestantsOf(options);
  // In a swarm of others there is nobody to choose.
  if (contestants.length === 0) return;
  const plans = plansOf(variant, hosts, mbit);
  const bounds = ownBounds(bytes, mbit, plans);
  const longest = Math.max(...bounds);
  const [least, most] = [Math.min(...bounds), longest].map((each) => each.toFixed(2));
  tell(
    `swarm ${variant}: ${hosts} hosts at ${mbit} Mbit/s, ${mib} MiB, bound ${least} to ${most} s`,
  );
  const loadNote = loadNow();
  const all = await holdMeeting({
    contestants,
    makePayloads: [
      (folder) =>
        variant === 'tree'
          ? makeTree(join(folder, 'payload'), bytes, files)
          : makeFile(join(folder, 'payload.bin'), bytes),
    ],
    plans,
    rounds,
    disk: TMPFS,
    patienceMs: longest * (variant === 'slow' ? PATIENCE_SLOW : PATIENCE) * 1000 + PATIENCE_MS,
    join: () => joinSwarm(mbit, plans),
    tell,
  });
  const isZoned = variant === 'zones';
  const table = markdownTable(
    isZoned ? [...HEAD, 'across zones, copies'] : HEAD,
    all.map((each) => [...row(each, plans, bounds), ...(isZoned ? [crossed(each)] : [])]),
  );
  tell(table);
  if (smoke) return;
  const { title } = all[0]!.payload;
  writeSection({
    title: `Swarm${variant === 'even' ? '' : `, ${variant}`}: ${hosts} hosts at ${mbit} Mbit/s, ${title}`,
    method:
      `One origin and ${hosts} hosts, each in its own network namespace on one bridge; links carry ` +
      `${mbit} Mbit/s up and as much down (${SHAPING}). ${VARIANT_METHOD[variant]} Rounds: ${rounds}. ` +
      `${BOUND_FORMULA}. Here it is ${least === most ? least : `${least} to ${most}`} s. “Others” are the ` +
      `hosts that are slow or run aria2; all that are neither, and not killed, are in the columns before. ` +
      `What the origin sent is counted at its interface: headers, tracker and control traffic included.`,
    contestants,
    table,
    notes: [loadNote, ...absent(contestants)],
  });
}

function contestantsOf({ variant, hosts, only }: SwarmOptions): Contestant[] {
  const invited = variant === 'mixed' ? MIXED : [...CONTESTANTS];
  // With one host a plain download is the floor; with more it would only queue at the origin.
  if (hosts === 1 && variant === 'even') invited.push(nginxCurl);
  // One name asks for the swarms of its own and for mixed ones.
  const names = [...CONTESTANTS, ...MIXED, nginxCurl];
  chosen(names, only);
  const asked = (name: string) => only.some((each) => name.split(' and ')[0] === each);
  return invited.filter(({ name }) => only.length === 0 || only.includes(name) || asked(name));
}

function crossed({ payload, results }: Rounds): string {
  return spread(
    results.map((result) => result.crossed / payload.bytes),
    2,
  );
}

function row(
  { contestant, payload, results }: Rounds,
  plans: readonly HostPlan[],
  bounds: readonly number[],
): string[] {
  const fastest = Math.max(...plans.map(({ mbit }) => mbit));
  const living = [...plans.keys()].filter((host) => !plans[host]!.killed);
  const isOther = (host: number) => plans[host]!.mbit < fastest || plans[host]!.client === 'aria2';
  const healthy = living.filter((host) => !isOther(host));
  const others = living.filter(isOther);
  const seconds = results.map((result) => result.seconds.map((each) => each ?? Infinity));
  const ratios = (hosts: readonly number[]) =>
    seconds.map((each) => hosts.map((host) => each[host]! / bounds[host]!));
  const most = (values: readonly (readonly number[])[]) => values.map((each) => Math.max(...each));
  const finished = seconds.map((each) => living.filter((host) => each[host]! < Infinity).length);
  return [
    contestant.name,
    `${Math.min(...finished)} of ${living.length}`,
    spread(most(seconds.map((each) => healthy.map((host) => each[host]!))), 2),
    spread(most(ratios(healthy)), 2),
    spread(ratios(healthy).map(median), 2),
    others.length === 0 ? '' : spread(most(ratios(others)), 2),
    spread(
      results.map(({ originSent }) => originSent / payload.bytes),
      2,
    ),
    spread(
      results.map(({ seedCpu, hostsCpu }) => seedCpu + hostsCpu),
      1,
    ),
    mebibytes(results.map(({ seedRss }) => seedRss)),
    mebibytes(results.map(({ hostRss }) => hostRss)),
  ];
}
