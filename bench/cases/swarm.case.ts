import { aria2 } from '../contestants/aria2.ts';
import { fleetseedAgents } from '../contestants/fleetseed-agents.ts';
import { libtorrent } from '../contestants/libtorrent.ts';
import { nginxCurl } from '../contestants/nginx-curl.ts';
import { fluidBound, median } from '../measure/statistics.ts';
import { joinSwarm, SHAPING } from '../net/network.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import { holdMeeting, type Rounds } from './stage.ts';

const MIB = 1024 * 1024;
const BITS_OF_MBIT = 1e6;
const HEAD = [
  '',
  'last host, s',
  '× bound',
  'median host × bound',
  'origin sent, copies',
  'CPU-s, all',
  'peak RSS seed, MiB',
  'largest host',
];
const CONTESTANTS = [fleetseedAgents, libtorrent, aria2];

export interface SwarmOptions {
  readonly hosts: number;
  readonly mbit: number;
  readonly mib: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly tell: (text: string) => void;
}

/** One origin and many hosts on a bridge, every link shaped alike; all start at once. */
export async function benchSwarm(options: SwarmOptions): Promise<void> {
  const { hosts, mbit, mib, rounds, only, tell } = options;
  // With one host a plain download is the floor; with more it would only queue at the origin.
  const invited = hosts === 1 ? [...CONTESTANTS, nginxCurl] : CONTESTANTS;
  const contestants = invited.filter(({ name }) => only.length === 0 || only.includes(name));
  const loadNote = loadNow();
  const rate = (mbit * BITS_OF_MBIT) / 8;
  const bound = fluidBound(mib * MIB, hosts, rate, rate);
  tell(`swarm: ${hosts} hosts at ${mbit} Mbit/s, ${mib} MiB, bound ${bound.toFixed(2)} s`);
  const { payload, all } = await holdMeeting({
    contestants,
    payloadBytes: mib * MIB,
    rounds,
    join: () => joinSwarm(hosts, mbit),
    tell,
  });
  const table = markdownTable(
    HEAD,
    all.map((each) => row(each, payload.bytes, bound)),
  );
  tell(table);
  writeSection({
    title: `Swarm: ${hosts} hosts at ${mbit} Mbit/s, one file of ${mib} MiB`,
    method:
      `One origin and ${hosts} hosts, each in its own network namespace on one bridge; every link carries ` +
      `${mbit} Mbit/s up and as much down (${SHAPING}). All start at once; rounds: ${rounds}. The fluid bound ` +
      `max(F/u, F/d, N·F/(u+N·u)) is ${bound.toFixed(2)} s. What the origin sent is counted at its ` +
      `interface: headers, tracker and control traffic included.`,
    contestants,
    table,
    notes: [loadNote],
  });
}

function row({ contestant, results }: Rounds, bytes: number, bound: number): string[] {
  const last = results.map(({ seconds }) => Math.max(...seconds));
  return [
    contestant.name,
    spread(last, 2),
    spread(
      last.map((each) => each / bound),
      2,
    ),
    spread(
      results.map(({ seconds }) => median(seconds) / bound),
      2,
    ),
    spread(
      results.map(({ originSent }) => originSent / bytes),
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
