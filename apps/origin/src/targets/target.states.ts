import type { AgentReport, FollowRequest, TargetApp } from '#lib/contracts';

import type { Followed } from './desired-state.js';
import { FleetTime } from './fleet.time.js';

interface SoftState {
  readonly follows: readonly Followed[];
  readonly freeBytes: number | null;
  readonly apps: readonly TargetApp[];
  readonly holds: ReadonlySet<string>;
}

/** The parts of the state that are told apart, each with the stamp of its newest word; 0 for none. */
export type StatePart = 'follows' | 'report' | 'holds';
type Stamps = Readonly<Record<StatePart, number>>;

interface Kept {
  readonly state: SoftState;
  readonly stamps: Stamps;
}

type Listener = (target: string, part: StatePart) => void;

const NOTHING: Kept = {
  state: { follows: [], freeBytes: null, apps: [], holds: new Set() },
  stamps: { follows: 0, report: 0, holds: 0 },
};

/**
 * What agents last said of themselves, here or at another replica. Soft: they send all of it again when
 * they reconnect. Of two words about one part the later one counts, in whichever order they arrive.
 */
export class TargetStates {
  readonly #states = new Map<string, Kept>();
  readonly #said = new Set<Listener>();
  readonly #heard = new Set<Listener>();
  readonly #time: FleetTime;

  constructor(time: FleetTime = new FleetTime(() => Date.now())) {
    this.#time = time;
  }

  of(target: string): SoftState {
    return this.#kept(target).state;
  }

  stampsOf(target: string): Stamps {
    return this.#kept(target).stamps;
  }

  targets(): Iterable<string> {
    return this.#states.keys();
  }

  follow(target: string, { apps }: FollowRequest): void {
    this.#set(target, 'follows', { follows: apps });
    this.#tell(this.#said, target, 'follows');
  }

  report(target: string, { freeBytes, apps, holds }: AgentReport): void {
    const before = this.of(target);
    const isNews = freeBytes !== before.freeBytes || !isSame(before.apps, apps);
    if (isNews) this.#set(target, 'report', { freeBytes, apps });
    if (isNews) this.#tell(this.#said, target, 'report');
    if (holdsSame(before.holds, holds)) return;
    this.#set(target, 'holds', { holds: new Set(holds) });
    this.#tell(this.#said, target, 'holds');
  }

  /** Another replica said so. @returns whether it was news */
  heard(target: string, part: StatePart, stamp: number, change: Partial<SoftState>): boolean {
    this.#time.heard(stamp);
    if (stamp <= this.stampsOf(target)[part]) return false;
    this.#set(target, part, change, stamp);
    this.#tell(this.#heard, target, part);
    return true;
  }

  /** More of what another replica said that the target holds. */
  add(target: string, holds: readonly string[]): void {
    const { state, stamps } = this.#kept(target);
    const all = new Set([...state.holds, ...holds]);
    this.#states.set(target, { state: { ...state, holds: all }, stamps });
    this.#tell(this.#heard, target, 'holds');
  }

  /** Tells what was said here and is not what was said before. @returns what ends it */
  onSaid(listener: Listener): () => void {
    this.#said.add(listener);
    return () => this.#said.delete(listener);
  }

  /** Tells what was said at another replica. @returns what ends it */
  onHeard(listener: Listener): () => void {
    this.#heard.add(listener);
    return () => this.#heard.delete(listener);
  }

  forget(target: string): void {
    this.#states.delete(target);
  }

  /** Whether the target seeds the artifact or is fetching it. */
  has(target: string, artifact: string): boolean {
    const state = this.of(target);
    return state.holds.has(artifact) || state.apps.some((app) => app.artifact === artifact);
  }

  #kept(target: string): Kept {
    return this.#states.get(target) ?? NOTHING;
  }

  #set(
    target: string,
    part: StatePart,
    change: Partial<SoftState>,
    stamp = this.#time.next(),
  ): void {
    const { state, stamps } = this.#kept(target);
    this.#states.set(target, {
      state: { ...state, ...change },
      stamps: { ...stamps, [part]: stamp },
    });
  }

  #tell(listeners: ReadonlySet<Listener>, target: string, part: StatePart): void {
    for (const listener of listeners) listener(target, part);
  }
}

function isSame(before: readonly TargetApp[], now: readonly TargetApp[]): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

function holdsSame(before: ReadonlySet<string>, now: readonly string[]): boolean {
  return before.size === now.length && now.every((artifact) => before.has(artifact));
}
