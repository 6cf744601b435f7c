import { parseArgs } from 'node:util';

import { benchPair } from './cases/pair.case.ts';
import { benchPolicy } from './cases/policy.case.ts';
import { benchSwarm } from './cases/swarm.case.ts';

const USAGE = `npm run bench -- pair [--mib 1024] [--rounds 3] [--only NAME …]
npm run bench -- swarm [--hosts N --mbit N --mib N] [--rounds 3] [--only NAME …]
npm run bench -- policy [--hosts N]
  Without sizes, swarm measures 16 hosts at 100 Mbit/s with 128 MiB, and 40 at 50 Mbit/s with 64 MiB.
  Needs root (network namespaces) and a build (npm run build).
`;

const tell = (text: string) => process.stdout.write(`${text}\n`);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hosts: { type: 'string' },
    mbit: { type: 'string' },
    mib: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [] },
  },
});
const common = { rounds: Number(values.rounds), only: values.only, tell };

switch (positionals[0]) {
  case 'pair':
    await benchPair({ ...common, mib: Number(values.mib ?? 1024) });
    break;
  case 'swarm':
    for (const size of swarmSizes()) await benchSwarm({ ...common, ...size });
    break;
  case 'policy':
    await benchPolicy(values.hosts === undefined ? [16, 40, 400] : [Number(values.hosts)], tell);
    break;
  default:
    process.stderr.write(USAGE);
    process.exitCode = 2;
}

function swarmSizes(): { hosts: number; mbit: number; mib: number }[] {
  const { hosts, mbit, mib } = values;
  if (hosts !== undefined || mbit !== undefined || mib !== undefined) {
    return [{ hosts: Number(hosts ?? 16), mbit: Number(mbit ?? 100), mib: Number(mib ?? 128) }];
  }
  return [
    { hosts: 16, mbit: 100, mib: 128 },
    { hosts: 40, mbit: 50, mib: 64 },
  ];
}
