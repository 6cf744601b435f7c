import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { aria2 } from '../contestants/aria2.ts';
import type { HostPlan } from '../contestants/contestant.types.ts';
import { fleetseedAgents } from '../contestants/fleetseed-agents.ts';
import { fleetseedPull } from '../contestants/fleetseed-pull.ts';
import { libtorrent } from '../contestants/libtorrent.ts';
import { nginxCurl } from '../contestants/nginx-curl.ts';
import { makeFile, makeSparseFile, makeTree } from '../measure/payload.ts';
import { median } from '../measure/statistics.ts';
import { joinPair } from '../net/network.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase, Tell } from './case.types.ts';
import { chosen, COMMON_USAGE, readOptions, UsageError, type CommonOptions } from './options.ts';
import { absent, holdMeeting, TMPFS, type Rounds } from './stage.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MB = 1e6;
const GB = 1e9;
const PATIENCE_MS = 600_000;
const PLAN: HostPlan = {
  mbit: Infinity,
  zone: null,
  startsAfter: 0,
  client: 'own',
  killed: false,
};
const HEAD = [
  '',
  'MB/s',
  'CPU-s/GB, both ends',
  'seed',
  'downloader',
  'peak RSS seed, MiB',
  'downloader',
];
const CONTESTANTS = [fleetseedPull, libtorrent, aria2, nginxCurl];
/** Agents: a large artifact is what they have to be small with. */
const SPARSE_CONTESTANTS = [fleetseedAgents, libtorrent, aria2];

/** One seed and one downloader, joined by veth without shaping. */
export const pairCase: BenchCase = {
  usage:
    `[--mib 1024] [--files 20000] [--content file|tree] ${COMMON_USAGE}\n` +
    `npm run bench -- pair --sparse [--gib 20] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['mib', 'files', 'content', 'gib'], ['sparse']);
    const { smoke } = options;
    if (options.flag('sparse')) {
      const gib = options.number('gib') ?? (smoke ? 0.25 : 20);
      const rounds = words.includes('--rounds') ? options.rounds : 1;
      return benchSparse({ ...options, rounds, bytes: gib * GIB, tell });
    }
    const content = options.text('content');
    if (content !== undefined && content !== 'file' && content !== 'tree') {
      throw new UsageError(`--content is file or tree, not ${content}.`);
    }
    const bytes = (options.number('mib') ?? (smoke ? 32 : 1024)) * MIB;
    const files = options.number('files') ?? (smoke ? 600 : 20_000);
    return benchPair({ ...options, bytes, files, content, tell });
  },
};

interface PairOptions extends CommonOptions {
  readonly bytes: number;
  readonly files: number;
  readonly content: 'file' | 'tree' | undefined;
  readonly tell: Tell;
}

async function benchPair(options: PairOptions): Promise<void> {
  const { bytes, files, content, rounds, only, smoke, tell } = options;
  const contestants = chosen(CONTESTANTS, only);
  const ofFile = (folder: string) => makeFile(join(folder, 'payload.bin'), bytes);
  const ofTree = (folder: string) => makeTree(join(folder, 'payload'), bytes, files);
  const makePayloads = { file: [ofFile], tree: [ofTree], both: [ofFile, ofTree] };
  const loadNote = loadNow();
  const all = await holdMeeting({
    contestants,
    makePayloads: makePayloads[content ?? 'both'],
    plans: [PLAN],
    rounds,
    disk: TMPFS,
    patienceMs: PATIENCE_MS,
    join: joinPair,
    tell,
  });
  for (const tree of [false, true]) {
    const of = all.filter(({ payload }) => payload.tree === tree);
    if (of.length === 0) continue;
    const head = tree ? [...HEAD, '× own big file'] : HEAD;
    const rows = of.map((each) => (tree ? [...row(each), ownRatio(each, all)] : row(each)));
    const table = markdownTable(head, rows);
    tell(`pair: ${of[0]!.payload.title}\n${table}`);
    if (smoke) continue;
    writeSection({
      title: `Pair: ${of[0]!.payload.title}`,
      method:
        `One seed and one downloader in two network namespaces joined by veth, unshaped, ` +
        `rounds: ${rounds}. MB are 10⁶ bytes; CPU is user and system time between start and completion.` +
        (tree ? TREE_METHOD : ''),
      contestants,
      table,
      notes: [loadNote, ...absent(contestants)],
    });
  }
}

const TREE_METHOD =
  ' Sizes are log-normal, the same in every run. The torrent is v2 for fleetseed and libtorrent, v1 without ' +
  'pads for aria2. The last column is the median rate over that of the same contestant with one big file, ' +
  'in the same run.';

interface SparseOptions extends CommonOptions {
  readonly bytes: number;
  readonly tell: Tell;
}

async function benchSparse({ bytes, rounds, only, smoke, tell }: SparseOptions): Promise<void> {
  const contestants = chosen(SPARSE_CONTESTANTS, only);
  const loadNote = loadNow();
  const all = await holdMeeting({
    contestants,
    makePayloads: [(folder) => makeSparseFile(join(folder, 'payload.bin'), bytes)],
    plans: [PLAN],
    rounds,
    disk: smoke ? TMPFS : tmpdir(),
    patienceMs: PATIENCE_MS,
    join: joinPair,
    tell,
  });
  const { title } = all[0]!.payload;
  const table = markdownTable(HEAD, all.map(row));
  tell(`pair: ${title}\n${table}`);
  if (smoke) return;
  writeSection({
    title: `Pair: ${title}`,
    method:
      `As the pairs with less content, but on ${tmpdir()}, as it is too much for memory; rounds: ${rounds}. ` +
      'Of every MiB but 16 bytes are zeros: the seeds read holes, the downloader writes all of it to disk. ' +
      'RSS counts mapped files too, and libtorrent maps what it transfers.',
    contestants,
    table,
    notes: [loadNote, ...absent(contestants)],
  });
}

function rateOf({ results, payload }: Rounds): number[] {
  return results.map(({ seconds }) => payload.bytes / MB / (seconds[0] ?? Infinity));
}

function ownRatio(each: Rounds, all: readonly Rounds[]): string {
  const big = all.find(
    ({ contestant, payload }) => contestant === each.contestant && !payload.tree,
  );
  return big ? (median(rateOf(each)) / median(rateOf(big))).toFixed(2) : '';
}

function row(each: Rounds): string[] {
  const { contestant, payload, results } = each;
  const perGb = (of: (result: (typeof results)[number]) => number) =>
    spread(
      results.map((result) => (of(result) * GB) / payload.bytes),
      2,
    );
  return [
    contestant.name,
    spread(rateOf(each), 0),
    perGb(({ seedCpu, hostsCpu }) => seedCpu + hostsCpu),
    perGb(({ seedCpu }) => seedCpu),
    perGb(({ hostsCpu }) => hostsCpu),
    mebibytes(results.map(({ seedRss }) => seedRss)),
    mebibytes(results.map(({ hostRss }) => hostRss)),
  ];
}
