import type { AgentStreams } from '../targets/agent.streams.js';
import type { TargetStates } from '../targets/target.states.js';
import { FrameBoard } from './frame.board.js';
import { WatchedElsewhere } from './watched.elsewhere.js';
import { Watchers } from './watchers.js';

/**
 * Brings together who watches a swarm and who can show it: agents are asked for frames only while
 * somebody looks, here or at another replica, and only those that hold or fetch the artifact.
 */
export class SwarmWatch {
  readonly board = new FrameBoard();
  readonly elsewhere = new WatchedElsewhere();
  readonly #watchers: Watchers;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly streams: AgentStreams,
    private readonly states: TargetStates,
  ) {
    this.#watchers = new Watchers((artifact, watched) => this.#changed(artifact, watched));
  }

  /** Somebody looks at the swarm. @returns what to call when it is over. */
  watch(artifact: string): () => void {
    return this.#watchers.add(artifact);
  }

  /** Swarms that somebody watches here. */
  watchedHere(): string[] {
    return this.#watchers.watched();
  }

  isWatchedHere(artifact: string): boolean {
    return this.#watchers.isWatched(artifact);
  }

  /** Tells when other swarms than before are watched here. @returns what ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A target connected, or has other artifacts than before: it is told what to show. */
  tell(target: string): void {
    const watched = new Set([...this.watchedHere(), ...this.elsewhere.artifacts()]);
    for (const each of watched) if (!this.states.has(target, each)) watched.delete(each);
    this.streams.watch(target, watched);
  }

  /** Other swarms than before are watched, here or elsewhere. */
  tellAll(): void {
    for (const target of this.streams.targets()) this.tell(target);
  }

  #changed(artifact: string, watched: boolean): void {
    if (watched) this.board.open(artifact);
    else this.board.close(artifact);
    this.tellAll();
    for (const listener of this.#listeners) listener();
  }
}
