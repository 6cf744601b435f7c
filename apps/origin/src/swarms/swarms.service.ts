import { Inject, Injectable, type MessageEvent } from '@nestjs/common';
import { Observable, share } from 'rxjs';

import type {
  Page,
  PageQuery,
  PeerFrame,
  Release,
  SwarmFrame,
  SwarmFrameReport,
  SwarmSummary,
} from '#lib/contracts';
import type { Clock } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK } from '../config/start-context.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { SeederService } from '../seeder/seeder.service.js';
import type { AgentPrincipal } from '../targets/agent.resolver.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { swarmIdOf } from '../tracker/artifact.index.js';
import { MAX_PEERS_SHOWN } from './frame.board.js';
import { originFrameOf } from './origin.frame.js';
import { SwarmWatch } from './swarm-watch.js';
import { WatchNews } from './watch.news.js';

const FRAME_MS = 1000;

/** Swarms as people see them: who is in, and live while somebody looks. */
@Injectable()
export class SwarmsService {
  /** By artifact: all who watch a swarm share one look at it a second. */
  readonly #live = new Map<string, Observable<MessageEvent>>();

  constructor(
    private readonly artifacts: ArtifactIndexService,
    private readonly tracker: Tracker,
    private readonly ledger: LedgerService,
    private readonly seeder: SeederService,
    private readonly swarms: SwarmWatch,
    private readonly news: WatchNews,
    private readonly shutdown: ShutdownSignal,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Artifacts that are or were on their way, the newest releases first. */
  async list({ after, limit }: PageQuery): Promise<Page<SwarmSummary>> {
    await this.artifacts.refresh();
    this.ledger.settle();
    const counted = new Set(this.ledger.artifactsCounted());
    const all = this.artifacts.index
      .all()
      .sort((a, b) => b.createdAt - a.createdAt || (a.artifact < b.artifact ? -1 : 1));
    const start = after === undefined ? 0 : all.findIndex(({ artifact }) => artifact === after) + 1;
    const items: SwarmSummary[] = [];
    for (const release of all.slice(start)) {
      const summary = await this.#summary(release);
      const moved = counted.has(release.artifact) || summary.seeds + summary.downloaders > 0;
      if (!moved) continue;
      if (items.length === limit) return { items, next: items.at(-1)?.artifact ?? null };
      items.push(summary);
    }
    return { items, next: null };
  }

  /** @throws ARTIFACT_NOT_FOUND */
  async get(artifact: string): Promise<SwarmSummary> {
    this.ledger.settle();
    return this.#summary(await this.artifacts.get(artifact));
  }

  /**
   * A frame a second for as long as it is subscribed to.
   * @throws ARTIFACT_NOT_FOUND
   */
  async live(artifact: string): Promise<Observable<MessageEvent>> {
    await this.artifacts.get(artifact);
    let live = this.#live.get(artifact);
    if (!live) this.#live.set(artifact, (live = this.#frames(artifact).pipe(share())));
    return live;
  }

  /** Frames of an agent, which speaks for itself only: `peer` is its target's id, whatever it says. */
  agentFrames({ id, name }: AgentPrincipal, frames: readonly SwarmFrameReport[]): void {
    const now = this.clock.now();
    for (const { artifact, frame } of frames) {
      const own: PeerFrame = { ...frame, peer: id, label: frame.label || name, role: 'agent' };
      this.swarms.board.put(artifact, own, now);
      this.news.forward(artifact, [own]);
    }
  }

  /**
   * A frame counts the bytes since the one before, so there is one that looks for each swarm. It ends
   * with its last watcher.
   */
  #frames(artifact: string): Observable<MessageEvent> {
    return new Observable<MessageEvent>((subscriber) => {
      const leave = this.swarms.watch(artifact);
      const tick = () => {
        const frame = this.#frame(artifact);
        subscriber.next({ data: JSON.stringify(frame) });
        cancel = this.clock.setTimer(FRAME_MS, tick);
      };
      let cancel = this.clock.setTimer(FRAME_MS, tick);
      const end = () => subscriber.complete();
      this.shutdown.signal.addEventListener('abort', end, { once: true });
      return () => {
        cancel();
        this.shutdown.signal.removeEventListener('abort', end);
        leave();
        this.#live.delete(artifact);
      };
    });
  }

  #frame(artifact: string): SwarmFrame {
    const at = this.clock.now();
    const own = this.seeder.frames(artifact);
    if (own.length > 0) this.news.forward(artifact, own);
    const all = [...own, ...this.swarms.board.take(artifact, at)];
    const origin = originFrameOf(all.filter(({ role }) => role === 'origin'));
    const others = all.filter(({ role }) => role !== 'origin');
    const peers = origin ? [origin, ...others] : others;
    return { at, artifact, peers: peers.slice(0, MAX_PEERS_SHOWN) };
  }

  async #summary({ artifact, app, version, name, bytes }: Release): Promise<SwarmSummary> {
    const counts = await this.tracker.counts(swarmIdOf(artifact));
    const originSentBytes = this.ledger.originBytes(artifact);
    return {
      artifact,
      app,
      version,
      name,
      bytes,
      seeds: counts.complete,
      downloaders: counts.downloading,
      originSentBytes,
      originCopies: bytes > 0 ? originSentBytes / bytes : 0,
    };
  }
}
