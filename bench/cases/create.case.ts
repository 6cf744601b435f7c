import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { CREATORS, type Creator, type Format } from '../contestants/creators.ts';
import { hashCeiling, type HashCeiling } from '../measure/hash-ceiling.ts';
import { makeFile, makeTree, type Payload } from '../measure/payload.ts';
import { usageOf } from '../measure/process-tree.ts';
import { median } from '../measure/statistics.ts';
import { torrentHashes, type TorrentHashes } from '../measure/torrent-hashes.ts';
import { Program } from '../net/program.ts';
import { undoAtExit } from '../net/undo.ts';
import { markdownTable, spread } from '../report/format.ts';
import { loadNow } from '../report/machine.ts';
import { writeSection } from '../report/results-file.ts';
import type { BenchCase } from './case.types.ts';
import { chosen, COMMON_USAGE, readOptions } from './options.ts';
import { absent, TMPFS } from './stage.ts';

const MIB = 1024 * 1024;
const GB = 1e9;
const PATIENCE_MS = 300_000;
const PIECES = 1024;
const LEAST_PIECE = 64 * 1024;
/** In a hybrid, small files would drag a piece of padding each through SHA-1. */
const FORMATS = { file: ['v2', 'hybrid', 'v1'], tree: ['v2', 'v1'] } as const;
const HEAD = ['', 'format', 's', 'GB/s', 'of what openssl can', 'CPU-s'];

interface Task {
  readonly creator: Creator;
  readonly payload: Payload;
  readonly format: Format;
  readonly seconds: number[];
  readonly cpuSeconds: number[];
}

/** Hashing for a `.torrent`, against other programs and against the bare hash functions. */
export const createCase: BenchCase = {
  usage: `[--mib 4096] [--tree-mib 1024] [--files 20000] ${COMMON_USAGE}`,
  async run(words, tell) {
    const options = readOptions(words, ['mib', 'tree-mib', 'files']);
    const { smoke, rounds, only } = options;
    const creators = chosen(CREATORS, only);
    const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
    const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
    const fileBytes = (options.number('mib') ?? (smoke ? 64 : 4096)) * MIB;
    const treeBytes = (options.number('tree-mib') ?? (smoke ? 16 : 1024)) * MIB;
    const files = options.number('files') ?? (smoke ? 500 : 20_000);
    const payloads = [
      await makeFile(join(folder, 'file', 'payload.bin'), fileBytes),
      await makeTree(join(folder, 'tree'), treeBytes, files),
    ];
    const loadNote = loadNow();
    const tasks = payloads.flatMap((payload) => tasksOf(payload, creators));
    const ceilings: HashCeiling[] = [];
    for (let round = 1; round <= rounds; round++) {
      ceilings.push(hashCeiling());
      for (const [index, task] of tasks.entries()) {
        await once(task, join(folder, `${round}-${index}.torrent`));
        const what = `${task.creator.name}, ${task.format}, ${task.payload.title}`;
        tell(`  round ${round}: ${what}: ${task.seconds.at(-1)!.toFixed(2)} s`);
      }
      requireAgreement(folder, round, tasks);
    }
    remove();
    for (const payload of payloads) {
      const table = tableOf(payload, tasks, ceilings);
      tell(`create: ${payload.title}\n${table}`);
      if (!smoke) {
        const notes = [loadNote, ceilingNote(ceilings), ...absent(creators)];
        report(payload, creators, table, rounds, notes);
      }
    }
  },
};

function tasksOf(payload: Payload, creators: readonly Creator[]): Task[] {
  const formats: readonly Format[] = FORMATS[payload.tree ? 'tree' : 'file'];
  return formats.flatMap((format) =>
    creators
      .filter((creator) => creator.version !== null && creator.formats.includes(format))
      .map((creator) => ({ creator, payload, format, seconds: [], cpuSeconds: [] })),
  );
}

/** The shell waits for a line, so that what its child took can be read when it has ended. */
const SCRIPT = '"$@" > /dev/null && echo made; read -r _';

async function once({ creator, payload, format, ...task }: Task, out: string): Promise<void> {
  const words = creator.words({
    path: payload.path,
    out,
    format,
    pieceLength: pieceLengthOf(payload.bytes),
    threads: availableParallelism(),
  });
  const began = performance.now();
  const program = new Program(creator.name, ['sh', '-c', SCRIPT, 'sh', ...words.flat()]);
  const { at } = await program.line('made', PATIENCE_MS);
  task.seconds.push((at - began) / 1000);
  task.cpuSeconds.push(usageOf(program.pid).cpuSeconds);
  await program.stop();
}

function pieceLengthOf(bytes: number): number {
  return Math.max(LEAST_PIECE, 2 ** Math.ceil(Math.log2(bytes / PIECES)));
}

/** @throws when two programs made different hashes of the same content */
function requireAgreement(folder: string, round: number, tasks: readonly Task[]): void {
  const made = tasks.map((_, index) => torrentHashes(join(folder, `${round}-${index}.torrent`)));
  for (const [index, { payload, format, creator }] of tasks.entries()) {
    const first = tasks.findIndex((each) => each.payload === payload && each.format === format);
    if (signature(made[first]!, payload) === signature(made[index]!, payload)) continue;
    throw new Error(`${creator.name} hashes ${payload.title} (${format}) differently.`);
  }
}

/** In a v1 tree the order of files is free, and with it the bytes of a piece. */
function signature({ v1Pieces, v1, v2 }: TorrentHashes, { tree }: Payload): string {
  return [v1Pieces, tree ? '' : v1, v2].join();
}

function tableOf(payload: Payload, tasks: readonly Task[], ceilings: readonly HashCeiling[]) {
  const rows = tasks
    .filter((task) => task.payload === payload)
    .map(({ creator, format, seconds, cpuSeconds }) => [
      creator.name,
      format,
      spread(seconds, 2),
      spread(
        seconds.map((each) => payload.bytes / GB / each),
        2,
      ),
      // Side by side: the ceiling of a round is that of its minute.
      spread(
        seconds.map((each, round) => leastSeconds(payload.bytes, format, ceilings[round]!) / each),
        2,
      ),
      spread(cpuSeconds, 1),
    ]);
  return markdownTable(HEAD, rows);
}

function leastSeconds(bytes: number, format: Format, { sha1, sha256 }: HashCeiling): number {
  const v1 = format === 'v2' ? 0 : bytes / sha1;
  const v2 = format === 'v1' ? 0 : bytes / sha256;
  return v1 + v2;
}

function ceilingNote(ceilings: readonly HashCeiling[]): string {
  const [sha1, sha256] = (['sha1', 'sha256'] as const).map((name) =>
    (median(ceilings.map((each) => each[name])) / GB).toFixed(2),
  );
  return (
    `\`openssl speed\` on all cores, 16 KiB at a time: SHA-1 ${sha1} GB/s, SHA-256 ${sha256} GB/s ` +
    '(median of a run before each round).'
  );
}

function report(
  payload: Payload,
  creators: readonly Creator[],
  table: string,
  rounds: number,
  notes: readonly string[],
): void {
  const pieces = pieceLengthOf(payload.bytes) / 1024;
  writeSection({
    title: `Create: ${payload.title}`,
    method:
      `Hashing for a \`.torrent\` with pieces of ${pieces} KiB; content in memory (tmpfs); rounds: ${rounds}. ` +
      'GB are 10⁹ bytes. “Of what openssl can” is the time that hashing alone would take on all cores over ' +
      'the time that it took; a hybrid needs both hashes. All programs came to the same hashes.',
    contestants: creators.filter(({ version }) => version !== null),
    table,
    notes,
  });
}
