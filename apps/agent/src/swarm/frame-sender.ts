import type { SwarmFrameReport } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import type { Session } from '#lib/swarm';

import { SwarmFrames } from './swarm-frames.js';

export interface FrameSenderOptions {
  readonly session: Session;
  readonly target: string;
  readonly hostname: string;
  readonly send: (frames: SwarmFrameReport[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const EVERY_MS = 1000;

/** Sends what is watched once a second, and nothing while nobody watches. */
export class FrameSender {
  readonly #watched = new Map<string, SwarmFrames>();
  #cancelTimer: (() => void) | null = null;
  #sending = false;

  constructor(private readonly options: FrameSenderOptions) {}

  watch(artifact: string, watched: boolean): void {
    const { target, hostname } = this.options;
    if (!watched) this.#watched.delete(artifact);
    else if (!this.#watched.has(artifact)) {
      this.#watched.set(artifact, new SwarmFrames(artifact, target, hostname));
    }
    this.#later();
  }

  /** Nobody can watch while the link is down; who watches says so again when it is back. */
  stop(): void {
    this.#watched.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #later(): void {
    if (this.#watched.size === 0 || this.#sending) return;
    this.#cancelTimer ??= this.options.clock.setTimer(EVERY_MS, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#cancelTimer = null;
    this.#sending = true;
    try {
      const frames = this.#take();
      if (frames.length > 0) await this.options.send(frames);
    } catch (error) {
      this.options.logger.debug('frames not sent', { error });
    }
    this.#sending = false;
    this.#later();
  }

  #take(): SwarmFrameReport[] {
    return [...this.#watched].flatMap(([artifact, watched]) => {
      const torrent = this.options.session.get(Buffer.from(artifact, 'hex'));
      return torrent ? [watched.take(torrent)] : [];
    });
  }
}
