import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import type { Clock, Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { Presence } from './presence.js';
import {
  hearHolds,
  hearWord,
  holdsOf,
  MAX_ENTRIES,
  PresenceWords,
  TargetHolds,
  TargetWords,
  wordsOf,
  type PresenceWord,
} from './target-state.messages.js';
import { TargetRegistry } from './target.registry.js';
import { SAID_HERE, TargetStates, type StatePart } from './target.states.js';

/** Changes are gathered for so long, ms; a fleet that has much to tell tells it in portions. */
const GATHER_MS = 250;
const PARTS: readonly StatePart[] = ['follows', 'report', 'holds'];

/**
 * Every replica has in memory what all agents said of themselves, wherever they said it. What is said
 * here is told on. When a replica begins, or could hear nobody for a while, everything is told again:
 * each word by the replica that it was said to, and by the eldest where that has ended.
 */
@Injectable()
export class SoftStateNews implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #signs = new Set<string>();
  readonly #words = new Set<string>();
  readonly #holds = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #known = new Set<string>();
  #cancel: (() => void) | null = null;

  constructor(
    private readonly presence: Presence,
    @Inject(TargetStates) private readonly states: TargetStates,
    @Inject(TargetRegistry) private readonly registry: TargetRegistry,
    @Inject(ReplicaPost) private readonly post: ReplicaPost,
    @Inject(ReplicaBoard) private readonly board: ReplicaBoard,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const { presence, states, post, board } = this;
    if (post.isLonely) return;
    this.#ends.push(
      presence.onSign((target) => this.#later(this.#signs, target)),
      states.onSaid((target, part) => this.#later(this.#setOf(part), target)),
      post.hear(PresenceWords, ({ seen }, from) => {
        for (const each of seen) this.#ifThere(each[0], () => this.#hear(each, from));
      }),
      post.hear(TargetWords, ({ words }, from) => {
        for (const each of words) this.#ifThere(each.target, () => hearWord(states, each, from));
      }),
      post.hear(TargetHolds, (word, from) =>
        this.#ifThere(word.target, () => hearHolds(states, word, from)),
      ),
      // What was said while nobody could hear it, and what somebody else could not hear.
      post.onChange((isUp) => {
        if (isUp) this.#tellAll(new Set());
      }),
      board.onAsked((from) => this.#tellAll(new Set([from]))),
      board.onChange((alive) => this.#boardChanged(alive.map(({ replica }) => replica))),
    );
  }

  onModuleDestroy(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#cancel?.();
  }

  #setOf(part: StatePart): Set<string> {
    return part === 'holds' ? this.#holds : this.#words;
  }

  #later(set: Set<string>, target: string): void {
    set.add(target);
    this.#cancel ??= this.clock.setTimer(GATHER_MS, () => this.#tell());
  }

  /** A portion of what there is to tell. */
  #tell(): void {
    this.#cancel = null;
    const { post, presence, states } = this;
    const now = this.clock.now();
    const seen = portionOf(this.#signs).flatMap((target) => signOf(presence, target, now));
    if (seen.length > 0) post.tell(PresenceWords, { seen });
    for (const words of wordsOf(states, portionOf(this.#words))) post.tell(TargetWords, words);
    for (const target of portionOf(this.#holds)) {
      for (const word of holdsOf(states, target)) post.tell(TargetHolds, word);
    }
    const isMore = this.#signs.size + this.#words.size + this.#holds.size > 0;
    if (isMore) this.#cancel = this.clock.setTimer(GATHER_MS, () => this.#tell());
  }

  /** Words of a target that was removed may come late: nobody would ever forget them again. */
  #ifThere(target: string, hear: () => void): void {
    if (this.registry.known(target)) return hear();
    this.registry.find(target).then(
      (found) => found && hear(),
      (error: unknown) => this.logger.warn('word on a target not heard', { target, error }),
    );
  }

  #hear([target, instance, streams, agoMs, leftMs]: PresenceWord, from: string): void {
    const now = this.clock.now();
    const [lastSeenAt, sessionEndsAt] = [now - agoMs, now + leftMs];
    const seen = { instance, streams, lastSeenAt, sessionEndsAt };
    const { elsewhere } = this.presence;
    // Who said good-bye may be killed before it tells that its last streams have ended.
    if (this.board.has(from)) elsewhere.heard(target, from, seen);
    else elsewhere.heardOfGone(target, seen);
  }

  #boardChanged(alive: readonly string[]): void {
    const now = new Set(alive);
    const came = new Set(alive.filter((each) => !this.#known.has(each) && each !== this.post.self));
    for (const gone of this.#known) if (!now.has(gone)) this.presence.elsewhere.replicaGone(gone);
    this.#known = now;
    if (came.size > 0) this.#tellAll(came);
  }

  /** @param came replicas that begin, and know of nobody yet */
  #tellAll(came: ReadonlySet<string>): void {
    const { presence, states, board } = this;
    const eldest = board.alive().find(({ replica }) => !came.has(replica));
    const isEldest = eldest?.replica === board.self;
    const tells = (teller: string) => teller === SAID_HERE || (isEldest && !board.has(teller));
    for (const target of presence.seenHere()) this.#later(this.#signs, target);
    for (const target of states.targets()) {
      for (const part of PARTS) {
        if (tells(states.tellerOf(target, part))) this.#later(this.#setOf(part), target);
      }
    }
  }
}

/** Takes some out of the set. */
function portionOf(set: Set<string>): string[] {
  const portion: string[] = [];
  for (const each of set) {
    if (portion.length === MAX_ENTRIES) break;
    portion.push(each);
    set.delete(each);
  }
  return portion;
}

function signOf(presence: Presence, target: string, nowMs: number): PresenceWord[] {
  const seen = presence.seenHereOf(target);
  if (!seen) return [];
  const { instance, streams, lastSeenAt, sessionEndsAt } = seen;
  return [[target, instance, streams, nowMs - lastSeenAt, sessionEndsAt - nowMs]];
}
