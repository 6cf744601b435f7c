import { join } from 'node:path';

import { createServer } from 'vite';

import type * as Simulation from '../../libs/swarm/src/policy/swarm.simulation.fixture.ts';
import { markdownTable } from '../report/format.ts';
import { writeSection } from '../report/results-file.ts';

const FIXTURE = '/libs/swarm/src/policy/swarm.simulation.fixture.ts';
const RUNS = 512;
const DIALS = 10;
const SEEDS = [1, 2, 3];

/** The policies of the engine in virtual time, on equal links; repeatable, whatever the machine. */
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
    const { simulateSwarm } = (await vite.ssrLoadModule(FIXTURE)) as typeof Simulation;
    const rows: string[][] = [];
    for (const hosts of hostCounts) {
      for (const seed of SEEDS) {
        const result = simulateSwarm({ hosts, runs: RUNS, dials: DIALS, seed });
        const figures = [result.lastOverBound, result.originCopies, result.wasted];
        rows.push([`${hosts}, seed ${seed}`, ...figures.map((figure) => figure.toFixed(3))]);
        tell(`  ${rows.at(-1)!.join('  ')}`);
      }
    }
    writeSection({
      title: 'Policy: simulated swarms on equal links',
      method:
        `The picker, upload scheduler, request planner and copy budget of the engine in virtual time: ` +
        `${RUNS} runs, ${DIALS} dials a host, nobody has anything but the origin.`,
      contestants: [],
      table: markdownTable(['hosts', 'last host × bound', 'origin copies', 'sent twice'], rows),
      notes: [],
    });
  } finally {
    await vite.close();
  }
}
