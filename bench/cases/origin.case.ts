import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { fleetseedVersion } from '../contestants/fleetseed-origin.ts';
import { CURL, NGINX } from '../contestants/upload-targets.ts';
import { hashCeiling } from '../measure/hash-ceiling.ts';
import { median } from '../measure/statistics.ts';
import { undoAtExit } from '../net/undo.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase } from './case.types.ts';
import { COMMON_USAGE, readOptions } from './options.ts';
import { runOriginRound, type OriginPlan, type OriginRound } from './origin.round.ts';
import { fleetTable, uploadTable } from './origin.tables.ts';
import { TMPFS } from './stage.ts';

const MIB = 1024 * 1024;
const FULL: OriginPlan = {
  clients: 8,
  bytes: 1024 * MIB,
  files: 10_000,
  fileBytes: 10_240,
  agents: 2000,
  announces: 1000,
  udpAnnounces: 4000,
  calmSeconds: 10,
};
const SMOKE: OriginPlan = {
  clients: 2,
  bytes: 32 * MIB,
  files: 200,
  fileBytes: 10_240,
  agents: 50,
  announces: 100,
  udpAnnounces: 200,
  calmSeconds: 2,
};

/** One origin with everything at once: uploads, event streams, announces, and people at its API. */
export const originCase: BenchCase = {
  usage: `[--agents ${FULL.agents}] [--announces ${FULL.announces}] [--udp-announces ${FULL.udpAnnounces}] [--mib ${FULL.bytes / MIB}] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['agents', 'announces', 'udp-announces', 'mib']);
    const { smoke, rounds } = options;
    const base = smoke ? SMOKE : FULL;
    const plan: OriginPlan = {
      ...base,
      agents: options.number('agents') ?? base.agents,
      announces: options.number('announces') ?? base.announces,
      udpAnnounces: options.number('udp-announces') ?? base.udpAnnounces,
      bytes: (options.number('mib') ?? base.bytes / MIB) * MIB,
    };
    if (NGINX === null || CURL === null) {
      throw new Error('This needs nginx with WebDAV and curl (apt-get install nginx-light curl).');
    }
    const loadNote = loadNow();
    const all: OriginRound[] = [];
    for (let round = 1; round <= rounds; round++) {
      const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
      const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
      all.push(await runOriginRound(folder, plan, (text) => tell(`  round ${round}: ${text}`)));
      remove();
    }
    const tables = [uploadTable(all, plan), fleetTable(all)];
    tell(tables.join('\n\n'));
    if (!smoke) report(plan, rounds, tables, [loadNote, hashingNote(all)]);
  },
};

function report(
  plan: OriginPlan,
  rounds: number,
  tables: readonly string[],
  notes: readonly string[],
) {
  const { clients, bytes, files, fileBytes, agents, announces, udpAnnounces, calmSeconds } = plan;
  const count = (value: number) => value.toLocaleString('en');
  writeSection({
    title: `Origin: uploads, ${count(agents)} agents and ${count(announces + udpAnnounces)} announces a second at once`,
    method:
      `One origin, its clients in the same network namespace, all on the same cores. Uploads: ${clients} clients at once with ` +
      `${bytes / MIB} MiB together, each a file of its own; and one tree of ${count(files)} files, ${fileBytes} bytes each in the mean. ` +
      `MB/s are of payload, from the first client's start to the last one's end, in which everything was hashed, durable and ` +
      `published; nginx stores (WebDAV PUT) and hashes nothing. Everything has taken 16 MiB of each client before. First alone, then while ${count(agents)} agents, each ` +
      `with a key and a session, have their event streams open and announce over HTTP as downloading members, ` +
      `${count(announces)} times a second in all, and 10,000 hosts with a key announce over UDP in two swarms, ${count(udpAnnounces)} times a second; a release is asked for 50 times a second, and the channel ` +
      `that all follow is moved again and again. Latencies of requests are from when they were due. “Last told”: from sending the request ` +
      `that moves the channel to the arrival of the event at the last agent. Event-loop delay is the origin's own metric. ` +
      `“Nothing else” is ${calmSeconds} s of that load alone. Rounds: ${rounds}.`,
    contestants: [
      { name: 'fleetseed', version: fleetseedVersion(), settings: '`fleetseed origin`, defaults' },
      {
        name: 'nginx',
        version: `${NGINX}, curl ${CURL}`,
        settings: 'a worker a core, `dav_methods PUT`, bodies renamed into their place, no log',
      },
    ],
    table: tables.join('\n\n'),
    notes,
  });
}

/** What is left of nginx's rate for one who hashes on the same cores, however well. */
function hashingNote(rounds: readonly OriginRound[]): string {
  const { sha1, sha256 } = hashCeiling();
  const shares = rounds.map(({ uploads }) => {
    const alone = uploads.find(({ tree, loaded }) => !tree && !loaded)!;
    const hashing = alone.bytes / sha1 + alone.bytes / sha256;
    return alone.seconds / (alone.seconds + hashing);
  });
  return (
    `Hashing alone (SHA-1 and SHA-256, which a single file needs, at the rate of \`openssl speed\` on all cores) beside what nginx ` +
    `and curl take would leave ${median(shares).toFixed(2)} × nginx.`
  );
}
