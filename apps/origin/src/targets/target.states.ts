import type { AgentReport, FollowRequest, TargetApp } from '#lib/contracts';

import type { Followed } from './desired-state.js';

interface SoftState {
  follows: readonly Followed[];
  freeBytes: number | null;
  apps: readonly TargetApp[];
  holds: ReadonlySet<string>;
}

const NOTHING: SoftState = { follows: [], freeBytes: null, apps: [], holds: new Set() };

/** What agents last said of themselves. Soft: they send all of it again when they reconnect. */
export class TargetStates {
  readonly #states = new Map<string, SoftState>();

  of(target: string): Readonly<SoftState> {
    return this.#states.get(target) ?? NOTHING;
  }

  follow(target: string, { apps }: FollowRequest): void {
    this.#change(target, { follows: apps });
  }

  report(target: string, { freeBytes, apps, holds }: AgentReport): void {
    this.#change(target, { freeBytes, apps, holds: new Set(holds) });
  }

  forget(target: string): void {
    this.#states.delete(target);
  }

  /** Whether the target seeds the artifact or is fetching it. */
  has(target: string, artifact: string): boolean {
    const state = this.of(target);
    return state.holds.has(artifact) || state.apps.some((app) => app.artifact === artifact);
  }

  #change(target: string, change: Partial<SoftState>): void {
    this.#states.set(target, { ...this.of(target), ...change });
  }
}
