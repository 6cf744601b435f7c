import { availableParallelism } from 'node:os';

import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { Clock } from '#lib/runtime';
import { BufferPool, HashPool } from '#lib/swarm';

import { CLOCK } from '../config/start-context.js';
import { BodyHasher, type BodyCut } from './body-hasher.js';

/** Shared memory of all bodies together; each has some only while it is being hashed. */
const BUFFER_BYTES = 32 * 1024 * 1024;
const IDLE_MS = 30_000;

/** The threads that hash what is uploaded, so that requests are answered meanwhile. */
@Injectable()
export class UploadHashing implements OnModuleDestroy {
  readonly #pool: HashPool;
  readonly #buffers = new BufferPool(BUFFER_BYTES);
  #bodies = 0;
  #cancelTrim: () => void = () => undefined;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {
    const threads = availableParallelism();
    this.#pool = new HashPool({ threads, idleMs: IDLE_MS, lightRate: 0, clock });
  }

  async onModuleDestroy(): Promise<void> {
    this.#cancelTrim();
    await this.#pool.close();
  }

  /** A hasher for one body; to be given back by `close` when the depot has ended with it. */
  open(cut: BodyCut): BodyHasher {
    this.#cancelTrim();
    this.#bodies++;
    return new BodyHasher({ pool: this.#pool, buffers: this.#buffers }, cut);
  }

  close(hasher: BodyHasher): void {
    hasher.close();
    if (--this.#bodies > 0) return;
    this.#cancelTrim = this.clock.setTimer(IDLE_MS, () => this.#buffers.trim());
  }
}
