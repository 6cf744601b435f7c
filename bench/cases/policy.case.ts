import { join } from 'node:path';

import { createServer } from 'vite';

import type * as Simulation from '../../test/simulation/outcome.ts';
import type * as Scenarios from '../../test/simulation/scenario.ts';
import { markdownTable } from '../report/format.ts';
import { writeSection } from '../report/results-file.ts';

const OUTCOME = '/test/simulation/outcome.ts';
const SCENARIOS = '/test/simulation/scenario.ts';
const SEEDS = [1, 2];
/** Larger swarms are simulated once and more coarsely: they take minutes. */
const LARGE = 400;
const LARGE_PARTS = 4;

const HEAD = [
  'hosts',
  'last × bound',
  'median',
  'last slow one × its bound',
  'origin, copies',
  'neighbours of the origin',
  'last zone / first',
  'bytes across zones',
  'sent twice',
];

/** The policies of engine and tracker in virtual time; repeatable, whatever the machine. */
export async function benchPolicy(hostCounts: readonly number[], tell: (text: string) => void) {
  // Sources import each other the way the built files do, which only a bundler or the build resolves.
  const vite = await createServer({
    configFile: false,
    root: join(import.meta.dirname, '../..'),
    server: { middlewareMode: true, hmr: false, ws: false },
    ssr: { resolve: { conditions: ['source'] } },
    logLevel: 'error',
  });
  try {
    const { simulate } = (await vite.ssrLoadModule(OUTCOME)) as typeof Simulation;
    const scenarios = (await vite.ssrLoadModule(SCENARIOS)) as typeof Scenarios;
    for (const { title, method, scenario } of variantsOf(scenarios)) {
      tell(title);
      const rows: string[][] = [];
      for (const { hosts, seed } of sizesOf(hostCounts)) {
        const parts = hosts >= LARGE ? LARGE_PARTS : scenario.parts;
        rows.push(rowOf(simulate({ ...scenario, hosts, seed, parts })));
        tell(`  ${rows.at(-1)!.join('  ')}`);
      }
      const table = markdownTable(HEAD, rows);
      writeSection({ title: `Policy: ${title}`, method, contestants: [], table, notes: [] });
    }
  } finally {
    await vite.close();
  }
}

interface Variant {
  readonly title: string;
  readonly method: string;
  readonly scenario: Scenarios.Scenario;
}

function variantsOf({ EQUAL_LINKS, ZONES, DISTURBED }: typeof Scenarios): Variant[] {
  const { runs, runBytes, delayMs } = EQUAL_LINKS;
  const common =
    `Picker, upload scheduler, request planner, copy budget, dial policy and the tracker's hand-out in ` +
    `virtual time: ${runs} runs of ${runBytes / 1024} KiB, links of 400 Mbit/s, ${delayMs} ms from a message to its ` +
    `effect, all start within 100 ms, only the origin has anything.`;
  const zones = `Four zones, whose uplinks carry a quarter of what their machines could send, each way.`;
  const unrest = `5 % of the machines have a tenth of the rate, 1 % die half-way, silently or not.`;
  const both = { ...ZONES, slow: DISTURBED.slow, dead: DISTURBED.dead };
  return [
    { title: 'equal links', method: common, scenario: EQUAL_LINKS },
    { title: 'four zones', method: `${common} ${zones}`, scenario: ZONES },
    {
      title: 'four zones, the tracker not knowing them',
      method: `${common} ${zones} Nobody has a label: what the tracker's knowledge is good for.`,
      scenario: { ...ZONES, labelled: false },
    },
    {
      title: 'slow and dying machines',
      method: `${common} ${unrest} The last and the median are of the others.`,
      scenario: DISTURBED,
    },
    {
      title: 'four zones, slow and dying machines',
      method: `${common} ${zones} ${unrest} The last and the median are of the others.`,
      scenario: both,
    },
  ];
}

function sizesOf(hostCounts: readonly number[]): { hosts: number; seed: number }[] {
  return hostCounts.flatMap((hosts) =>
    (hosts >= LARGE ? SEEDS.slice(0, 1) : SEEDS).map((seed) => ({ hosts, seed })),
  );
}

function rowOf(outcome: Simulation.Outcome): string[] {
  const { scenario, last, median, lastSlow, originCopies, originNeighbours } = outcome;
  const { zoneSpread, crossShare, wasted } = outcome;
  const percent = (part: number) => `${(100 * part).toFixed(part < 0.01 ? 2 : 0)} %`;
  const hasZones = scenario.zones > 1;
  return [
    `${scenario.hosts}, seed ${scenario.seed}`,
    last.toFixed(3),
    median.toFixed(3),
    lastSlow === 0 ? '–' : lastSlow.toFixed(3),
    originCopies.toFixed(3),
    String(originNeighbours),
    hasZones ? zoneSpread.toFixed(2) : '–',
    hasZones ? percent(crossShare) : '–',
    percent(wasted),
  ];
}
