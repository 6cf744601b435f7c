import { FleetseedError } from '#lib/contracts';

/** This many are named; the rest is counted. */
const NAMED = 10;

/** Collects what is wrong with a tree, so that one run names everything that has to be mended. */
export class Refusals {
  private readonly found: string[] = [];
  private count = 0;

  /** @param path as a person would type it, relative to what is pushed */
  add(path: string, why: string): void {
    this.count++;
    if (this.found.length < NAMED) this.found.push(`${JSON.stringify(path)} ${why}`);
  }

  /** @throws FleetseedError TREE_UNRESTORABLE naming the paths, if there are any */
  throwIfAny(): void {
    if (this.count === 0) return;
    const more =
      this.count > this.found.length ? `; and ${this.count - this.found.length} more` : '';
    throw new FleetseedError(
      'TREE_UNRESTORABLE',
      `What is here cannot be restored on a target: ${this.found.join('; ')}${more}.`,
      { count: this.count },
    );
  }
}
