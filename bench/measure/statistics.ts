/** The middle value; of an even number of them, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/**
 * The least time in which any schedule brings `bytes` to `hosts` machines, all links alike: nobody gets
 * more than its link carries down, the origin has to send each byte once, and all copies have to fit
 * through all uplinks together. Rates in bytes a second; seconds.
 */
export function fluidBound(bytes: number, hosts: number, up: number, down: number): number {
  return Math.max(bytes / up, bytes / down, (hosts * bytes) / (up + hosts * up));
}
