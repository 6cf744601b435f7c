import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { agentCase } from './cases/agent.case.ts';
import type { BenchCase } from './cases/case.types.ts';
import { createCase } from './cases/create.case.ts';
import { readOptions, UsageError } from './cases/options.ts';
import { originCase } from './cases/origin.case.ts';
import { pairCase } from './cases/pair.case.ts';
import { peersCase } from './cases/peers.case.ts';
import { benchPolicy } from './cases/policy.case.ts';
import { returnCase } from './cases/return.case.ts';
import { swarmCase } from './cases/swarm.case.ts';
import { trackerCase } from './cases/tracker.case.ts';

const CASES: Readonly<Record<string, BenchCase>> = {
  pair: pairCase,
  swarm: swarmCase,
  create: createCase,
  agent: agentCase,
  tracker: trackerCase,
  peers: peersCase,
  origin: originCase,
  return: returnCase,
  policy: {
    usage: '[--hosts N]',
    run(words, tell) {
      const hosts = readOptions(words, ['hosts']).number('hosts');
      return benchPolicy(hosts === undefined ? [16, 40, 400, 2000] : [hosts], tell);
    },
  },
};

const tell = (text: string) => process.stdout.write(`${text}\n`);
const [name, ...words] = process.argv.slice(2);
const chosen = CASES[name ?? ''];
if (chosen === undefined) {
  process.stderr.write(usage());
  process.exitCode = 2;
} else if (name !== 'policy' && !build()) {
  process.exitCode = 1;
} else {
  await chosen.run(words, tell).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage()}`);
    process.exitCode = 2;
  });
}

/** What is measured is what was built, under the revision of the sources: an older build would bear a wrong name. */
function build(): boolean {
  const cwd = join(import.meta.dirname, '..');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd, stdio: 'inherit' });
  return status === 0;
}

function usage(): string {
  const cases = Object.entries(CASES).map(
    ([each, { usage: options }]) => `npm run bench -- ${each} ${options}\n`,
  );
  const notes = `
  --smoke tries a case in seconds and writes nothing; a run without it writes its tables into RESULTS.md.
  Needs root (network namespaces), and builds first; the policies run from their sources.
`;
  return cases.join('') + notes;
}
