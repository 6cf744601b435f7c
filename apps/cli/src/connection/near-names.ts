const MOST_CANDIDATES = 10_000;
/** Names further away than this share of their length are another thing, not a slip of the fingers. */
const SLIP = 1 / 3;

/** Those of `known` that `given` may have been meant for, nearest first, at most three. */
export function nearNames(given: string, known: readonly string[]): string[] {
  const most = Math.max(1, Math.floor(given.length * SLIP));
  return known
    .slice(0, MOST_CANDIDATES)
    .map((name) => ({ name, distance: distanceOf(given, name, most) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Edits (insert, drop, replace, swap neighbours) between two names; a beginning counts as near. */
function distanceOf(given: string, name: string, most: number): number {
  if (given.length >= 2 && (name.startsWith(given) || given.startsWith(name))) return most;
  if (Math.abs(given.length - name.length) > most) return most + 1;
  const rows = [Array.from({ length: name.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= given.length; row++) {
    const line = [row];
    for (let column = 1; column <= name.length; column++) {
      const same = given[row - 1] === name[column - 1];
      const above = rows[row - 1]!;
      let least = Math.min(
        above[column]! + 1,
        line[column - 1]! + 1,
        above[column - 1]! + (same ? 0 : 1),
      );
      const swapped = given[row - 1] === name[column - 2] && given[row - 2] === name[column - 1];
      if (row > 1 && column > 1 && swapped)
        least = Math.min(least, rows[row - 2]![column - 2]! + 1);
      line.push(least);
    }
    rows.push(line);
  }
  return rows[given.length]![name.length]!;
}
