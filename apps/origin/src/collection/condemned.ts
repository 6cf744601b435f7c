/** Things that nothing needed at the last look → since when, milliseconds since the epoch. */
export type Condemned = ReadonlyMap<string, number>;

export interface Verdict {
  readonly condemned: Condemned;
  /** Those that have been condemned for the whole grace, longest first. */
  readonly due: readonly string[];
}

/**
 * The second look decides: what is needed again is forgiven, what is new has its grace before it.
 * @param limit how many are kept in mind; what is beyond it is condemned another time
 */
export function judge(
  garbage: Iterable<string>,
  before: Condemned,
  {
    now,
    graceMs,
    limit,
  }: { readonly now: number; readonly graceMs: number; readonly limit: number },
): Verdict {
  const condemned = new Map<string, number>();
  const fresh: string[] = [];
  for (const key of garbage) {
    const since = before.get(key);
    if (since === undefined) fresh.push(key);
    // A clock that was ahead when it was written must not make the grace longer than a whole one.
    else condemned.set(key, Math.min(since, now));
  }
  for (const key of fresh.slice(0, Math.max(0, limit - condemned.size))) condemned.set(key, now);
  const due = [...condemned]
    .filter(([, since]) => since + graceMs <= now)
    .sort(([, a], [, b]) => a - b)
    .map(([key]) => key);
  return { condemned, due };
}
