/** Of JSON: what a job results in is kept by the queue a thousand times over. */
const MAX_BYTES = 128 * 1024;

/**
 * A report that is small enough to be the result of a job: of the longest of its lists the ends are
 * left out. The whole one is in the depot.
 */
export function boundedReport<T extends object>(report: T, lists: readonly (keyof T)[]): T {
  let bounded = report;
  while (JSON.stringify(bounded).length > MAX_BYTES) {
    const sizes = lists.map((key) => [key, JSON.stringify(bounded[key]).length] as const);
    const [longest] = sizes.reduce((a, b) => (b[1] > a[1] ? b : a));
    const items = bounded[longest] as readonly unknown[];
    if (items.length === 0) return bounded;
    bounded = { ...bounded, [longest]: items.slice(0, Math.floor(items.length / 2)) };
  }
  return bounded;
}
