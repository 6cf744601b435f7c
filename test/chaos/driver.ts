import { randomBytes } from 'node:crypto';

import type { ChannelState } from '#lib/contracts';

import { linkOf } from '../support/fleet.js';
import { RawUpload } from '../support/raw-upload.js';
import { until } from '../support/waiting.js';
import type { ChaosFleet } from './chaos.fixture.js';

/** What a job of CI may take, with everything that is tried again; ms. */
const PATIENCE_MS = 90_000;
const PARTS = 3;

/** CI and an operator who do not give up: what is refused, or breaks, they do again. */
export class Driver {
  /** What was acknowledged: the artifact that each push of `web` was told of, by its version. */
  readonly published = new Map<string, string>();
  /** What moves of `web@stable` were told, in their order. */
  readonly moves: ChannelState[] = [];
  /** Parts that were acknowledged, of every upload that began. */
  readonly parts = new Map<RawUpload, Set<number>>();

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

  /** Pushes and moves one version after the other until it is told to end. */
  async release(versions: readonly string[], treeOf: (version: string) => Promise<string>) {
    for (const version of versions) {
      await this.push(await treeOf(version), version);
      await this.move(version);
    }
  }

  /** Uploads a file part by part, each one until it is taken; the upload stays open. */
  async upload(version: string): Promise<RawUpload> {
    const content = randomBytes(PARTS * 8 * 1024 * 1024 - 1000);
    const upload = new RawUpload(this.fleet.origin, 'raw', version, content);
    await until(`upload ${version} begins`, () => upload.start(), PATIENCE_MS);
    this.parts.set(upload, new Set());
    for (let part = 0; part < upload.partCount; part++) await this.sendPart(upload, part);
    return upload;
  }

  async sendPart(upload: RawUpload, part: number): Promise<void> {
    const sent = async () => (await upload.sendPart(part)).status === 200;
    await until(`part ${part} is taken`, sent, PATIENCE_MS);
    this.parts.get(upload)!.add(part);
  }

  /** Completes an upload. @returns the artifact of its release */
  async complete(upload: RawUpload): Promise<string> {
    const completed = async () => (await upload.complete()).status === 200;
    await until('the upload is complete', completed, PATIENCE_MS);
    const release = await until('it is published', () => upload.release(), PATIENCE_MS);
    return release.artifact;
  }

  /** Waits until every agent runs the version that the channel was moved to last. */
  async settled(timeoutMs = PATIENCE_MS): Promise<void> {
    const version = this.moves.at(-1)!.version;
    const lagging = () =>
      this.fleet.agents
        .map((agent) => linkOf(agent, 'web', 'current') ?? 'nothing')
        .filter((current) => !current.includes(`/${version}-`));
    const none = () => {
      const left = lagging();
      if (left.length > 0) throw new Error(`they run ${left.join(', ')}`);
      return true;
    };
    await until(`all agents run ${version}`, none, timeoutMs);
  }

  #insist<T>(words: readonly string[]): Promise<T> {
    return until(words.join(' '), () => this.fleet.origin.json<T>(...words), PATIENCE_MS);
  }
}
