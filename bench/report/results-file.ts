import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { command } from '../net/command.ts';
import { machine } from './machine.ts';

export const RESULTS = join(import.meta.dirname, '..', 'RESULTS.md');

const FORMATTER = join(import.meta.dirname, '../../node_modules/.bin/oxfmt');

const PREAMBLE = `# Results

Written by \`npm run bench\`. Contestants run in turn, in one run, on one machine; figures are medians of the
rounds, with the least and the most in brackets. The content of every copy is compared after every round.
Our own settings are the defaults in every case.
`;

/** Who was measured. */
export interface Participant {
  readonly name: string;
  readonly version: string | null;
  readonly settings: string;
  readonly clock?: string;
}

export interface Section {
  readonly title: string;
  /** What was measured, and how. */
  readonly method: string;
  /** Those that are not installed are left out. */
  readonly contestants: readonly Participant[];
  readonly table: string;
  readonly notes: readonly string[];
}

/** Puts a section into RESULTS.md, in place of the one with the same title; the others stay. */
export function writeSection(section: Section): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : PREAMBLE;
  const [preamble, ...sections] = before.split(/^(?=## )/m);
  const heading = `## ${section.title}\n`;
  const others = sections.filter((each) => !each.startsWith(heading));
  const all = [...others, `${heading}\n${bodyOf(section)}`].toSorted();
  writeFileSync(
    RESULTS,
    [preamble!.trimEnd(), ...all.map((each) => each.trim())].join('\n\n') + '\n',
  );
  // Tables as the format check wants them.
  command(FORMATTER, RESULTS);
}

function bodyOf({ method, contestants, table, notes }: Section): string {
  const measured = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, ${machine()}.`;
  const who = contestants
    .filter(({ version }) => version !== null)
    .map(({ name, version, settings, clock }) => {
      const timed = clock === undefined ? '' : ` Clock: ${clock}.`;
      return `- **${name}** ${version}; ${settings}.${timed}`;
    });
  const parts = [method, table, notes.join(' '), who.join('\n'), `Measured ${measured}`];
  return parts.filter((part) => part !== '').join('\n\n');
}
