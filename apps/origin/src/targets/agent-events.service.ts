import { Inject, Injectable, type MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';

import { FleetseedError, type FollowRequest } from '#lib/contracts';
import { systemRandom, type Clock, type Logger } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { SwarmWatch } from '../swarms/swarm-watch.js';
import type { AgentPrincipal } from './agent.resolver.js';
import { AgentStreams, textOf } from './agent.streams.js';
import { DesiredStateService } from './desired-state.service.js';
import { InstanceGuard } from './instance.guard.js';
import { Presence } from './presence.js';
import { TargetStates } from './target.states.js';

const PING_MS = 15_000;
/** An agent follows two or three streams for a moment when it reconnects, not more. */
const MAX_STREAMS = 4;

/** `POST /agent/events`: what an agent should know at once. */
@Injectable()
export class AgentEventsService {
  readonly #open = new Map<string, number>();

  constructor(
    private readonly streams: AgentStreams,
    private readonly presence: Presence,
    private readonly guard: InstanceGuard,
    private readonly states: TargetStates,
    private readonly desired: DesiredStateService,
    private readonly watch: SwarmWatch,
    private readonly tracker: Tracker,
    private readonly shutdown: ShutdownSignal,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
  ) {}

  /**
   * What the agent follows comes with its request: a list that was told to another replica, or of an
   * earlier time, could be an old one.
   * @throws DUPLICATE_IDENTITY, TOO_MANY_REQUESTS, SHUTTING_DOWN when it is subscribed to.
   */
  events(
    { id: target, instance }: AgentPrincipal,
    follow: FollowRequest,
  ): Observable<MessageEvent> {
    return new Observable<MessageEvent>((subscriber) => {
      this.#checkRoom(target);
      const { leaving } = this.shutdown;
      const left = this.presence.streamOpened(target, instance, this.clock.now());
      const release = this.#count(target);
      this.states.follow(target, follow);
      const send = (data: string) => subscriber.next({ data });
      const close = this.streams.open(target, { send });
      const end = () => subscriber.complete();
      this.shutdown.signal.addEventListener('abort', end, { once: true });
      const confirm = () => {
        this.guard.streamIsOpen(target, instance).then((isOurs) => {
          if (!isOurs) end();
        }, end);
      };
      // Not all at once: they come to the other replicas.
      const leave = () =>
        this.clock.setTimer(systemRandom() * this.config.drainSeconds * 1000, end);
      leaving.addEventListener('abort', leave, { once: true });
      const ping = () => {
        // A machine that vanished without a word is let go when its session was not renewed.
        if (!this.presence.hasSession(target, instance, this.clock.now())) return end();
        subscriber.next({ comment: 'ping' });
        confirm();
        cancelPing = this.clock.setTimer(PING_MS, ping);
      };
      let cancelPing = this.clock.setTimer(PING_MS, ping);
      confirm();

      const hello = (bootEpoch: string) => send(textOf({ type: 'hello', bootEpoch }));
      // What replicas share was lost, or could not be reached: the place is claimed again before
      // somebody else comes for it.
      const endsOfNews = [
        this.tracker.onNewEpoch((bootEpoch) => {
          hello(bootEpoch);
          confirm();
        }),
        this.guard.onBack(confirm),
      ];
      hello(this.tracker.bootEpoch);
      this.desired
        .push(target)
        .catch((error: unknown) => this.logger.error('desired state not sent', { target, error }));
      this.watch.tell(target);
      return () => {
        cancelPing();
        for (const end of endsOfNews) end();
        this.shutdown.signal.removeEventListener('abort', end);
        leaving.removeEventListener('abort', leave);
        close();
        left(this.clock.now());
        release();
        this.guard.streamClosed(target, instance);
      };
    });
  }

  #checkRoom(target: string): void {
    if (this.shutdown.isLeaving) {
      throw new FleetseedError('SHUTTING_DOWN', 'This replica is ending: follow another one.');
    }
    if ((this.#open.get(target) ?? 0) < MAX_STREAMS) return;
    throw new FleetseedError('TOO_MANY_REQUESTS', 'The agent has too many event streams open.');
  }

  #count(target: string): () => void {
    this.#open.set(target, (this.#open.get(target) ?? 0) + 1);
    return () => {
      const left = (this.#open.get(target) ?? 1) - 1;
      if (left > 0) this.#open.set(target, left);
      else this.#open.delete(target);
    };
  }
}
