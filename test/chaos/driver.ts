import type { ChannelState } from '#lib/contracts';

import { linkOf } from '../support/fleet.js';
import { until } from '../support/waiting.js';
import type { ChaosFleet } from './chaos.fixture.js';

/** What a job of CI may take, with everything that is tried again; ms. */
const PATIENCE_MS = 90_000;

/** CI and an operator who do not give up: what is refused or breaks they do again. */
export class Driver {
  /** What was acknowledged: the version that each push said is published, by its artifact. */
  readonly published = new Map<string, string>();
  /** The versions that the channel was moved to, in the order of their sequences. */
  readonly moves: ChannelState[] = [];

  constructor(private readonly fleet: ChaosFleet) {}

  /** Pushes a tree as a version of `web`. */
  async push(tree: string, version: string): Promise<void> {
    const words = ['push', tree, '--app', 'web', '--version', version];
    const { artifact } = await this.#insist<{ artifact: string }>(words);
    this.published.set(version, artifact);
  }

  /** Moves `web@stable`. */
  async move(version: string): Promise<void> {
    this.moves.push(await this.#insist<ChannelState>(['channel', 'set', 'web@stable', version]));
  }

  /** Waits until every agent runs the version that the channel was moved to last. */
  async settled(timeoutMs = PATIENCE_MS): Promise<void> {
    const version = this.moves.at(-1)!.version;
    const lagging = () =>
      this.fleet.agents.filter(
        (agent) => !linkOf(agent, 'web', 'current')?.includes(`/${version}-`),
      );
    await until(`all agents run ${version}`, () => lagging().length === 0, timeoutMs);
  }

  async #insist<T>(words: readonly string[]): Promise<T> {
    return until(words.join(' '), () => this.fleet.origin.json<T>(...words), PATIENCE_MS);
  }
}
