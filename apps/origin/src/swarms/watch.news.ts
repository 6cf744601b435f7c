import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { z } from 'zod';

import { Hex32, PeerFrame } from '#lib/contracts';
import { repeat, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { SeederService } from '../seeder/seeder.service.js';
import { AgentStreams } from '../targets/agent.streams.js';
import { TargetStates } from '../targets/target.states.js';
import { MAX_SWARMS } from './frame.board.js';
import { SwarmWatch } from './swarm-watch.js';

/** All that is watched at one replica; said again while it is. */
const Watched = replicaTopic('watched', z.object({ artifacts: z.array(Hex32).max(MAX_SWARMS) }));
/** Frames for those who watch at the replica that it is sent to. */
const Frames = replicaTopic(
  'frames',
  z.object({ artifact: Hex32, frames: z.array(PeerFrame).max(300) }),
);

/** How often what is watched is said again, and looked after, in turns. */
const SAY_AGAIN_TURNS = 2;
const TURN_MS = 1000;

/** Swarms that are watched at one replica are shown by all: their agents' frames, and their own. */
@Injectable()
export class WatchNews implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #ends: (() => void)[] = [];
  #turns = 0;

  constructor(
    @Inject(SwarmWatch) private readonly swarms: SwarmWatch,
    private readonly seeder: SeederService,
    private readonly streams: AgentStreams,
    @Inject(TargetStates) private readonly states: TargetStates,
    @Inject(ReplicaPost) private readonly post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const { swarms, post, states, streams, clock } = this;
    if (post.isLonely) return;
    const onError = (error: unknown) => this.logger.warn('swarms not shown', { error });
    this.#ends.push(
      swarms.onChange(() => this.#say()),
      post.hear(Watched, ({ artifacts }, from) => {
        swarms.elsewhere.heard(from, artifacts, clock.monotonic());
        swarms.tellAll();
      }),
      post.hear(Frames, ({ artifact, frames }, from) => this.#hear(artifact, frames, from)),
      states.onHeard((target) => {
        if (streams.has(target)) swarms.tell(target);
      }),
      repeat(async () => this.#turn(), { clock, pauseMs: TURN_MS, onError }),
    );
  }

  onModuleDestroy(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** Frames that came to this replica go to all where somebody watches. */
  forward(artifact: string, frames: readonly PeerFrame[]): void {
    for (const replica of this.swarms.elsewhere.replicasOf(artifact)) {
      this.post.tell(Frames, { artifact, frames: [...frames] }, replica);
    }
  }

  #say(): void {
    this.post.tell(Watched, { artifacts: this.swarms.watchedHere().slice(0, MAX_SWARMS) });
  }

  #turn(): void {
    const { swarms, seeder } = this;
    const isTime = ++this.#turns % SAY_AGAIN_TURNS === 0;
    if (isTime && swarms.watchedHere().length > 0) this.#say();
    if (swarms.elsewhere.expire(this.clock.monotonic())) swarms.tellAll();
    for (const artifact of swarms.elsewhere.artifacts()) {
      // Bytes of a frame count once: where somebody watches here too, his look is passed on.
      if (!swarms.isWatchedHere(artifact)) this.forward(artifact, seeder.frames(artifact));
    }
  }

  #hear(artifact: string, frames: readonly PeerFrame[], from: string): void {
    const now = this.clock.now();
    for (const frame of frames) {
      const name = frame.role === 'origin' ? `${frame.peer} ${from}` : frame.peer;
      this.swarms.board.put(artifact, frame, now, name);
    }
  }
}
