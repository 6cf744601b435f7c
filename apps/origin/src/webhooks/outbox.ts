import { createHash } from 'node:crypto';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { Notification, type NotificationEvent } from '#lib/contracts';
import { allKeys, DocumentStore, type Depot } from '#lib/depot';
import type { Clock, Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { WEBHOOK_TARGET, type WebhookTarget } from './webhook.target.js';

const PREFIX = 'outbox/';
const ATTEMPTS = 8;

/**
 * What has happened and was not told yet, in the depot until the receiver has taken it. The id of a
 * notification follows from what it says, so that one which is told twice is known as the same.
 */
@Injectable()
export class Outbox implements OnModuleInit {
  readonly #documents: DocumentStore<Notification>;

  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(WEBHOOK_TARGET) private readonly target: WebhookTarget | null,
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#documents = new DocumentStore(depot, Notification, 1);
  }

  onModuleInit(): void {
    this.unfinished.register('notifications', () => this.enqueueAll());
    this.unfinished.onCancel('notify', ({ notification }) => this.remove(notification));
  }

  /**
   * Writes down what is to be told, durably; without a receiver it does nothing. A queue that is away
   * does not matter here.
   * @param subject what makes the event this one: the same subject is told once
   */
  async add(event: NotificationEvent, subject: readonly unknown[], data: unknown): Promise<void> {
    if (!this.target) return;
    const text = JSON.stringify([event, ...subject]);
    const id = createHash('sha256').update(text).digest('hex').slice(0, 32);
    await this.#documents.create(keyOf(id), { v: 1, id, event, at: this.clock.now(), data });
    await this.#enqueue(id).catch((error: unknown) => {
      this.logger.warn('notification waits for the job queue', { notification: id, error });
    });
  }

  async find(id: string): Promise<Notification | null> {
    return (await this.#documents.read(keyOf(id)))?.value ?? null;
  }

  async remove(id: string): Promise<void> {
    await this.#documents.delete(keyOf(id));
  }

  async enqueueAll(): Promise<void> {
    if (!this.target) return;
    for await (const key of allKeys(this.depot, PREFIX)) {
      await this.#enqueue(key.slice(PREFIX.length, -'.json'.length));
    }
  }

  async #enqueue(notification: string): Promise<void> {
    const options = { id: `notify-${notification}`, attempts: ATTEMPTS, priority: 1 };
    await this.queue.enqueue('notify', { notification }, options);
  }
}

function keyOf(id: string): string {
  return `${PREFIX}${id}.json`;
}
