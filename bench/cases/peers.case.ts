import { fork } from 'node:child_process';
import { once } from 'node:events';

import { packedSwarmsCode } from '../load/own-code.ts';
import { PeerCrowd, type CrowdShape } from '../load/peer-crowd.ts';
import { undoAtExit } from '../net/undo.ts';
import { markdownTable } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase } from './case.types.ts';
import { readOptions, UsageError } from './options.ts';

const MILLION = 1_000_000;
const grid = (hosts: number, swarms: number) => ({ hosts, swarms, diagonal: false });
const SHAPES: Readonly<Record<string, CrowdShape>> = {
  ipv4: { title: '10,000 hosts × 2,700 swarms', ...grid(10_000, 2700), ipv6: false },
  ipv6: { title: '10,000 hosts × 2,700 swarms, IPv6', ...grid(10_000, 2700), ipv6: true },
  one: { title: 'one swarm', ...grid(MILLION, 1), ipv6: false },
  many: { title: 'swarms of one', hosts: 10_000, swarms: MILLION, diagonal: true, ipv6: false },
};
const SMOKE: CrowdShape = { title: 'smoke', ...grid(1000, 20), ipv6: true };
const AGAIN = 300_000;
/** Then downloaders of the beginning are over, and seeds are not. */
const LATER_MS = 17 * 60_000;
const HEAD = [
  'peers',
  'bytes a peer',
  'CPU-µs to store one',
  'to announce again',
  'while peers expire',
  'given up meanwhile',
  'longest call, ms: storing / again / expiring',
];

/** The tracker's memory store by itself: what a peer takes, and whether any call takes long. */
export const peersCase: BenchCase = {
  usage: `[--shape ${Object.keys(SHAPES).join('|')}] [--smoke]`,
  async run(words, tell) {
    const options = readOptions(words, ['shape']);
    const name = options.text('shape');
    if (name !== undefined && !SHAPES[name]) throw new UsageError(`There is no shape ${name}.`);
    const shapes = name === undefined ? Object.values(SHAPES) : [SHAPES[name]!];
    for (const shape of options.smoke ? [SMOKE] : shapes) {
      const loadNote = loadNow();
      const table = markdownTable(HEAD, [await inProcessOfItsOwn(shape)]);
      tell(`${shape.title}\n${table}`);
      if (options.smoke) continue;
      writeSection({
        title: `Tracker: the memory store by itself, ${shape.title}`,
        method:
          'Announces in the store, no front end, in virtual time; the process has nothing else. Memory is what its ' +
          'resident size grew by. A call is the storing or answering of one announce, by the clock, garbage collection ' +
          'included; those that are answered draw 82 candidates and get 50 peers. Expiring: 17 minutes ' +
          'later, when three quarters of what was stored is over, 300,000 announces.',
        contestants: [],
        table,
        notes: [loadNote],
      });
    }
  },
};

/** So that memory of one shape is not taken for that of the next. */
async function inProcessOfItsOwn(shape: CrowdShape): Promise<string[]> {
  const child = fork(import.meta.filename, [JSON.stringify(shape)], {
    execArgv: ['--expose-gc'],
  });
  const kill = undoAtExit(() => child.kill('SIGKILL'));
  const ended = once(child, 'disconnect').then(() => {
    throw new Error(`${shape.title}: the process ended before it said what it had measured.`);
  });
  try {
    const [row] = (await Promise.race([once(child, 'message'), ended])) as [string[]];
    return row;
  } finally {
    kill();
  }
}

async function rowOf(shape: CrowdShape): Promise<string[]> {
  const { PackedSwarms } = await packedSwarmsCode();
  const resident = () => {
    globalThis.gc!();
    return process.memoryUsage.rss();
  };
  const before = resident();
  const store = new PackedSwarms(Math.random);
  const crowd = new PeerCrowd(store, shape);
  const filled = crowd.fill();
  const bytes = (resident() - before) / crowd.peers;
  const again = crowd.again(AGAIN);
  crowd.now += LATER_MS;
  const known = store.peers;
  const expiring = crowd.again(AGAIN);
  const stretches = [filled, again, expiring];
  return [
    crowd.peers.toLocaleString('en'),
    bytes.toFixed(1),
    ...stretches.map(({ cpuMicroseconds }) => cpuMicroseconds.toFixed(1)),
    (known - store.peers).toLocaleString('en'),
    stretches.map(({ longestMs }) => longestMs.toFixed(1)).join(' / '),
  ];
}

if (process.send) process.send(await rowOf(JSON.parse(process.argv[2]!) as CrowdShape));
