import { aria2 } from '../contestants/aria2.ts';
import { fleetseedPull } from '../contestants/fleetseed-pull.ts';
import { libtorrent } from '../contestants/libtorrent.ts';
import { nginxCurl } from '../contestants/nginx-curl.ts';
import { joinPair } from '../net/network.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import { holdMeeting, type Rounds } from './stage.ts';

const MIB = 1024 * 1024;
const MB = 1e6;
const GB = 1e9;
const CONTESTANTS = [fleetseedPull, libtorrent, aria2, nginxCurl];

export interface PairOptions {
  readonly mib: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly tell: (text: string) => void;
}

/** One seed and one downloader, joined by veth without shaping. */
export async function benchPair({ mib, rounds, only, tell }: PairOptions): Promise<void> {
  const contestants = CONTESTANTS.filter(({ name }) => only.length === 0 || only.includes(name));
  tell(`pair: ${mib} MiB`);
  const loadNote = loadNow();
  const { payload, all } = await holdMeeting({
    contestants,
    payloadBytes: mib * MIB,
    rounds,
    join: joinPair,
    tell,
  });
  const table = markdownTable(
    ['', 'MB/s', 'CPU-s/GB, both ends', 'seed', 'downloader', 'peak RSS seed, MiB', 'downloader'],
    all.map((each) => row(each, payload.bytes)),
  );
  tell(table);
  writeSection({
    title: `Pair: one file of ${mib} MiB`,
    method:
      `One seed and one downloader in two network namespaces joined by veth, unshaped, ` +
      `rounds: ${rounds}. MB are 10⁶ bytes; CPU is user and system time between start and completion.`,
    contestants,
    table,
    notes: [loadNote],
  });
}

function row({ contestant, results }: Rounds, bytes: number): string[] {
  const perGb = (of: (each: (typeof results)[number]) => number) =>
    spread(
      results.map((each) => (of(each) * GB) / bytes),
      2,
    );
  return [
    contestant.name,
    spread(
      results.map(({ seconds }) => bytes / MB / seconds[0]!),
      0,
    ),
    perGb(({ seedCpu, hostsCpu }) => seedCpu + hostsCpu),
    perGb(({ seedCpu }) => seedCpu),
    perGb(({ hostsCpu }) => hostsCpu),
    mebibytes(results.map(({ seedRss }) => seedRss)),
    mebibytes(results.map(({ hostRss }) => hostRss)),
  ];
}
