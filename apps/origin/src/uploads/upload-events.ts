import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { Injectable, type MessageEvent } from '@nestjs/common';

import type { Upload } from '#lib/contracts';

const LEAST_PAUSE_MS = 100;
/** Also how soon what another replica does is seen. */
const LOOK_AGAIN_MS = 2000;
const PING_MS = 15_000;

/** Tells followers of an upload that something about it changed. */
@Injectable()
export class UploadEvents {
  readonly #emitter = new EventEmitter({ captureRejections: false }).setMaxListeners(0);

  changed(id: string): void {
    this.#emitter.emit(id);
  }

  /** The states of an upload as they come, the last one being published or failed. */
  async *follow(
    id: string,
    read: () => Promise<Upload>,
    signal: AbortSignal,
  ): AsyncGenerator<MessageEvent> {
    let last = '';
    let saidAt = 0;
    while (!signal.aborted) {
      // Listening begins before the state is read: a change in between is not missed.
      const change = this.#change(id, signal);
      const upload = await read();
      const text = JSON.stringify(upload);
      if (text !== last) {
        last = text;
        saidAt = performance.now();
        yield { data: text };
      } else if (performance.now() - saidAt > PING_MS) {
        saidAt = performance.now();
        yield { comment: 'ping' };
      }
      if (upload.state === 'published' || upload.state === 'failed') return;
      await change;
    }
  }

  /** Resolves after a change, at most once in a while so that a burst of parts is one event. */
  async #change(id: string, signal: AbortSignal): Promise<void> {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(LOOK_AGAIN_MS)]);
    const pause = sleep(LEAST_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    // Waited long enough, or the follower went away: the loop tells them apart.
    await once(this.#emitter, id, { signal: enough }).catch(() => undefined);
    await pause;
  }
}
