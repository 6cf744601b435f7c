import type { AgentStreams } from '../targets/agent.streams.js';
import type { TargetStates } from '../targets/target.states.js';
import { FrameBoard } from './frame.board.js';
import { Watchers } from './watchers.js';

/**
 * Brings together who watches a swarm and who can show it: agents are asked for frames only while
 * somebody looks, and only those that hold or fetch the artifact.
 */
export class SwarmWatch {
  readonly board = new FrameBoard();
  readonly #watchers: Watchers;

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

  isWatched(artifact: string): boolean {
    return this.#watchers.isWatched(artifact);
  }

  /** A target connected, or has other artifacts than before: it is told what to show. */
  tell(target: string): void {
    const watched = this.#watchers.watched().filter((each) => this.states.has(target, each));
    this.streams.watch(target, new Set(watched));
  }

  #changed(artifact: string, watched: boolean): void {
    if (watched) this.board.open(artifact);
    else this.board.close(artifact);
    for (const target of this.streams.targets()) this.tell(target);
  }
}
