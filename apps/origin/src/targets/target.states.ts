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
  /** The replicas that told the newest words; {@link SAID_HERE} for what was said here, or by nobody. */
  readonly tellers: Readonly<Record<StatePart, string>>;
}

export const SAID_HERE = '';

type Listener = (target: string, part: StatePart) => void;

const NOTHING: Kept = {
  state: { follows: [], freeBytes: null, apps: [], holds: new Set() },
  stamps: { follows: 0, report: 0, holds: 0 },
  tellers: { follows: SAID_HERE, report: SAID_HERE, holds: SAID_HERE },
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

  /** The replica that told the newest word on a part; {@link SAID_HERE} for what the agent said here. */
  tellerOf(target: string, part: StatePart): string {
    return this.#kept(target).tellers[part];
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

  /** @param teller the replica that told this */
  heard(
    target: string,
    part: StatePart,
    stamp: number,
    change: Partial<SoftState>,
    teller: string,
  ): void {
    this.#time.heard(stamp);
    if (stamp <= this.stampsOf(target)[part]) return;
    this.#set(target, part, change, stamp, teller);
    this.#tell(this.#heard, target, part);
  }

  /** More of what another replica said that the target holds. */
  add(target: string, holds: readonly string[]): void {
    const kept = this.#kept(target);
    const all = new Set([...kept.state.holds, ...holds]);
    this.#states.set(target, { ...kept, state: { ...kept.state, holds: all } });
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
    teller = SAID_HERE,
  ): void {
    const { state, stamps, tellers } = this.#kept(target);
    this.#states.set(target, {
      state: { ...state, ...change },
      stamps: { ...stamps, [part]: stamp },
      tellers: { ...tellers, [part]: teller },
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
