import type { JobRun } from '#lib/jobs';

const OUTCOMES = ['done', 'failed', 'aborted'] as const satisfies readonly JobRun['outcome'][];

/** Attempts at jobs that ended in this process: how many, and how long they took. */
export class JobRuns {
  readonly #rows;

  constructor(names: readonly string[]) {
    this.#rows = names.flatMap((name) =>
      OUTCOMES.map((outcome) => ({ name, outcome, runs: 0, seconds: 0 })),
    );
  }

  /** By name and outcome, also of what there was none of. */
  get rows(): readonly Readonly<{
    name: string;
    outcome: string;
    runs: number;
    seconds: number;
  }>[] {
    return this.#rows;
  }

  readonly note = ({ name, outcome, ms }: JobRun): void => {
    const row = this.#rows.find((each) => each.name === name && each.outcome === outcome);
    if (!row) return;
    row.runs++;
    row.seconds += ms / 1000;
  };
}
