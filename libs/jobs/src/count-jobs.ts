import { UNFINISHED_STATES, type JobCounts, type UnfinishedState } from './job-queue.js';

/**
 * Counts by name and state, with zeros for what there is none of. Names that are not listed, such as
 * those of another build, are left out.
 * @param found pairs of the name and the state of a job, and how many there are of it
 */
export function countJobs<Name extends string>(
  names: readonly Name[],
  found: Iterable<readonly [name: string, state: UnfinishedState, count: number]>,
): JobCounts<Name> {
  const none = () => Object.fromEntries(UNFINISHED_STATES.map((state) => [state, 0]));
  const counts = new Map(names.map((name): [string, Record<string, number>] => [name, none()]));
  for (const [name, state, count] of found) {
    const ofName = counts.get(name);
    if (ofName) ofName[state] = (ofName[state] ?? 0) + count;
  }
  return Object.fromEntries(counts) as JobCounts<Name>;
}

export function isUnfinished(state: string): state is UnfinishedState {
  return (UNFINISHED_STATES as readonly string[]).includes(state);
}
