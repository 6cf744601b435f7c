import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { AgentMachine, type AgentFigures } from '../contestants/agent-machine.ts';
import { fleetseedVersion } from '../contestants/fleetseed-origin.ts';
import { undoAtExit } from '../net/undo.ts';
import { markdownTable, mebibytes, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase } from './case.types.ts';
import { COMMON_USAGE, readOptions } from './options.ts';
import { TMPFS } from './stage.ts';

const MIB = 1024 * 1024;
const MB = 1e6;
const HEAD = [
  'artifacts seeded',
  'first start (joins), ms',
  'start, ms',
  'of it from Node on, ms',
  'idle RSS, MiB',
  'idle CPU, % of a core',
  'receiving, MB/s',
  'peak RSS, MiB',
  'sending, MB/s',
  'peak RSS, MiB',
];

/** What the agent costs the machine it is a guest of. */
export const agentCase: BenchCase = {
  usage: `[--mib 1024] [--window SECONDS] [--artifacts 200] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['mib', 'window', 'artifacts']);
    const { smoke, rounds } = options;
    const bytes = (options.number('mib') ?? (smoke ? 32 : 1024)) * MIB;
    const windowSeconds = options.number('window') ?? (smoke ? 2 : 30);
    const many = options.number('artifacts') ?? (smoke ? 8 : 200);
    const loadNote = loadNow();
    const rows: string[][] = [];
    for (const artifacts of [1, many]) {
      const figures = await measure({ artifacts, bytes, windowSeconds, rounds });
      rows.push([String(artifacts), ...row(figures, bytes)]);
      tell(`  ${HEAD.map((name, column) => `${name}: ${rows.at(-1)![column]}`).join('; ')}`);
    }
    const table = markdownTable(HEAD, rows);
    tell(table);
    if (smoke) return;
    writeSection({
      title: 'Agent: what it costs',
      method:
        `An agent and its origin in two network namespaces joined by veth, unshaped. Every artifact is a file of ` +
        `1 MiB of an app of its own. A start is from the exec of \`bin/fleetseed agent\` (through \`ip netns ` +
        `exec\`) to its \`ready\` line, which it prints when the origin knows it; starts: ${rounds} of each kind, ` +
        `in turn. Idle is a window of ${windowSeconds} s, ${SETTLE_SECONDS} s after its start; receiving and ` +
        `sending is one more artifact of ${bytes / MIB} MiB, in both directions compared byte for byte. RSS is ` +
        `of the whole process, mapped files counted.`,
      contestants: [{ name: 'fleetseed', version: fleetseedVersion(), settings: 'defaults' }],
      table,
      notes: [loadNote],
    });
  },
};

/** What a start leaves behind is collected within half a minute of it, once; idle is what comes after, for weeks. */
const SETTLE_SECONDS = 45;

interface MeasureOptions {
  readonly artifacts: number;
  readonly bytes: number;
  readonly windowSeconds: number;
  readonly rounds: number;
}

async function measure(options: MeasureOptions): Promise<AgentFigures> {
  const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'out'));
  const machine = new AgentMachine(folder, options.artifacts);
  try {
    return await machine.measure({ ...options, settleSeconds: SETTLE_SECONDS });
  } finally {
    await machine.remove();
    remove();
  }
}

function row(figures: AgentFigures, bytes: number): string[] {
  const rate = (seconds: number) => (bytes / MB / seconds).toFixed(0);
  return [
    (figures.firstStart * 1000).toFixed(0),
    spread(inMilliseconds(figures.starts), 0),
    spread(inMilliseconds(figures.nodeStarts), 0),
    mebibytes([figures.idleRss]),
    (figures.idleCpu * 100).toFixed(2),
    rate(figures.receiving.seconds),
    mebibytes([figures.receiving.peakRss]),
    rate(figures.sending.seconds),
    mebibytes([figures.sending.peakRss]),
  ];
}

function inMilliseconds(seconds: readonly number[]): number[] {
  return seconds.map((each) => each * 1000);
}
