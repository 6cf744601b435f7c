import type { Clock, Random } from '#lib/runtime';

import type { ReplicaPost } from './replica-post.js';

export interface LookAgainOptions {
  readonly post: Pick<ReplicaPost, 'counters' | 'isLonely' | 'isUp' | 'onChange'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Between looks while others are heard: they only find what was lost on the way, ms. */
  readonly heardMs: number;
  /** Between looks while others are not heard: how late a change of theirs may be noticed, ms. */
  readonly unheardMs: number;
  readonly onError: (error: unknown) => void;
}

/** Replicas that lost each other at one moment do not look at one moment: a share of the pause. */
const JITTER = 0.25;

/**
 * Looks for what other replicas changed without being heard, again and again, and soon after the bus
 * went down or came back. A replica that is alone has nothing to look for.
 * @returns what ends it; resolves when a look under way has ended
 */
export function lookAgain(
  look: (signal: AbortSignal) => Promise<void>,
  options: LookAgainOptions,
): () => Promise<void> {
  const { post, clock, random, heardMs, unheardMs, onError } = options;
  if (post.isLonely) return async () => undefined;
  const ended = new AbortController();
  let cancel: () => void = () => undefined;
  let looking: Promise<void> | null = null;
  const plan = (pauseMs: number) => {
    cancel();
    // What is planned while it looks is planned when it has ended.
    if (looking || ended.signal.aborted) return;
    cancel = clock.setTimer(pauseMs * (1 + JITTER * (2 * random() - 1)), () => {
      const { looks } = post.counters;
      const failed = (error: unknown) => {
        looks.failed++;
        onError(error);
      };
      looking = look(ended.signal)
        .then(() => void looks.done++, failed)
        .finally(() => {
          looking = null;
          plan(post.isUp ? heardMs : unheardMs);
        });
    });
  };
  const unsubscribe = post.onChange(() => plan(Math.min(heardMs, unheardMs)));
  plan(post.isUp ? heardMs : unheardMs);
  return async () => {
    ended.abort();
    unsubscribe();
    cancel();
    await looking;
  };
}
