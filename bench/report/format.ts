import { median } from '../measure/statistics.ts';

const MIB = 1024 * 1024;

/** The median, and in brackets the least and the most of several rounds. */
export function spread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map(
    (value) => value.toFixed(digits),
  );
  return values.length === 1 ? middle! : `${middle} (${least}–${most})`;
}

export const mebibytes = (bytes: readonly number[]) =>
  spread(
    bytes.map((each) => each / MIB),
    0,
  );

/** A table in Markdown; the first column is flush left, the others right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]) {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
