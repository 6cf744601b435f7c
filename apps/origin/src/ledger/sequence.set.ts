/** Sequences below the highest that are still waited for; older holes are given up. */
const MAX_GAPS = 256;

/** Which sequences of one session were counted: everything up to `highest` but `gaps`. */
export interface SequenceSet {
  readonly highest: number;
  /** Ascending, all below `highest`. Empty for a reporter that keeps its order. */
  readonly gaps: readonly number[];
}

export const NO_SEQUENCES: SequenceSet = { highest: 0, gaps: [] };

export function hasSequence(set: SequenceSet, sequence: number): boolean {
  return sequence <= set.highest && !set.gaps.includes(sequence);
}

/**
 * Counts a sequence. A jump leaves holes that may still be filled by what was overtaken on the way;
 * only the newest {@link MAX_GAPS} are kept, so that a reporter cannot make the set large.
 */
export function withSequence(set: SequenceSet, sequence: number): SequenceSet {
  if (hasSequence(set, sequence)) return set;
  if (sequence < set.highest) {
    return { highest: set.highest, gaps: set.gaps.filter((gap) => gap !== sequence) };
  }
  const opened: number[] = [];
  const first = Math.max(set.highest + 1, sequence - MAX_GAPS);
  for (let gap = first; gap < sequence; gap++) opened.push(gap);
  return { highest: sequence, gaps: [...set.gaps, ...opened].slice(-MAX_GAPS) };
}

/** What either set counted. Sets only grow, so documents of all days merge in any order. */
export function mergeSequences(a: SequenceSet, b: SequenceSet): SequenceSet {
  const [lower, upper] = a.highest <= b.highest ? [a, b] : [b, a];
  return {
    highest: upper.highest,
    gaps: upper.gaps.filter((gap) => !hasSequence(lower, gap)),
  };
}
