import { printable } from './printable.js';

/** Columns of text under their titles, two blanks apart; numbers (as strings) are not aligned. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [titles, ...rows.map((row) => row.map(printable))];
  const widths = titles.map((_, column) =>
    Math.max(...cells.map((row) => widthOf(row[column] ?? ''))),
  );
  return cells.map((row) => lineOf(row, widths)).join('\n');
}

/** `name  value` lines, the values under each other. */
export function facts(pairs: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(pairs).map((name) => name.length));
  return Object.entries(pairs)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd())
    .join('\n');
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  return widths
    .map((width, column) => {
      const cell = row[column] ?? '';
      return cell + ' '.repeat(width - widthOf(cell));
    })
    .join('  ')
    .trimEnd();
}

/** Code points: near enough to columns for the names that there are here. */
export function widthOf(text: string): number {
  return Array.from(text).length;
}
