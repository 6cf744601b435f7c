import type { HostPlan } from '../contestants/contestant.types.ts';

const BYTES_OF_MBIT = 1e6 / 8;

/** What {@link ownBounds} computes, for RESULTS.md. */
export const BOUND_FORMULA =
  "A host's own bound, from its start s: max(F/d, F/u − s, A − s), with its downlink d, the uplink u of the " +
  'origin, and A the least time in which all uplinks, each from its start, carry a copy to the k hosts that ' +
  'started no later and are neither slow nor killed: k·F = u·A + Σ uⱼ·max(0, A − sⱼ)';

/**
 * The least seconds from its own start in which any schedule brings `bytes` to a host: it gets no more
 * than its link carries, the origin has to send each byte once, and the copies of the full-rate hosts that
 * live and did not start later have to fit through all uplinks together. The last holds for the last of
 * them; what a killed host could have sent until the end is counted as if it had.
 */
export function ownBounds(
  bytes: number,
  originMbit: number,
  plans: readonly HostPlan[],
): readonly number[] {
  const up = originMbit * BYTES_OF_MBIT;
  return plans.map(({ mbit, startsAfter }) =>
    Math.max(
      bytes / (mbit * BYTES_OF_MBIT),
      bytes / up - startsAfter,
      capacityBound(bytes, up, plans, startsAfter) - startsAfter,
    ),
  );
}

/** A of the formula: the supply grows in straight lines from start to start. */
function capacityBound(
  bytes: number,
  up: number,
  plans: readonly HostPlan[],
  before: number,
): number {
  const fastest = Math.max(...plans.map(({ mbit }) => mbit));
  const copies = plans.filter(
    ({ mbit, killed, startsAfter }) => mbit === fastest && !killed && startsAfter <= before,
  ).length;
  const starts = plans.toSorted((a, b) => a.startsAfter - b.startsAfter);
  let wanted = copies * bytes;
  let rate = up;
  let now = 0;
  for (const { startsAfter, mbit } of starts) {
    const until = now + wanted / rate;
    if (until <= startsAfter) return until;
    wanted -= (startsAfter - now) * rate;
    now = startsAfter;
    rate += mbit * BYTES_OF_MBIT;
  }
  return now + wanted / rate;
}
