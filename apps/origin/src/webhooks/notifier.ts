import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import { deadline, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from '../jobs/origin-jobs.js';
import { Outbox } from './outbox.js';
import { signatureOf } from './signature.js';
import { WEBHOOK_TARGET, type WebhookTarget } from './webhook.target.js';

const ANSWER_MS = 10_000;
/** What nobody took for so long is nobody's news any more. */
const DROPPED_AFTER_MS = 3 * 86_400_000;

type Result = OriginJobs['notify']['result'];

/** The notify job: tells the receiver, and forgets what it has taken (any 2xx). */
@Injectable()
export class Notifier implements OnModuleInit, OnModuleDestroy {
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly outbox: Outbox,
    private readonly events: OriginEvents,
    @Inject(WEBHOOK_TARGET) private readonly target: WebhookTarget | null,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.queue.register('notify', (job) => this.run(job), { timeoutMs: 2 * ANSWER_MS });
    this.#unsubscribe = this.events.onOwn('channelMoved', (state) => {
      const { app, channel, sequence } = state;
      this.outbox.add('channel.moved', [app, channel, sequence], state).catch((error: unknown) => {
        this.logger.error('channel move not noted for its receiver', { app, channel, error });
      });
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  async run(
    job: Pick<RunningJob<OriginJobs['notify']['data']>, 'data' | 'signal'>,
  ): Promise<Result> {
    const { notification: id } = job.data;
    const found = await this.outbox.find(id);
    // Told by an earlier run that did not come to say so.
    if (!found || !this.target) return { status: null };
    if (found.at + DROPPED_AFTER_MS < this.clock.now()) {
      this.logger.error('notification dropped', { notification: id, event: found.event });
      await this.outbox.remove(id);
      return { status: null };
    }
    const { event, at, data } = found;
    const body = JSON.stringify({ id, event, at, data });
    const answer = await fetch(this.target.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.target.authorization ? { authorization: this.target.authorization } : {}),
        'user-agent': 'fleetseed',
        'fleetseed-event': event,
        'fleetseed-delivery': id,
        'fleetseed-signature': signatureOf(this.target.secret, this.clock.now(), body),
      },
      body,
      // Whoever the receiver points to was not configured, and must not be sent there.
      redirect: 'manual',
      signal: deadline(ANSWER_MS, job.signal),
    });
    await answer.body?.cancel();
    if (!answer.ok) {
      throw new FleetseedError('WEBHOOK_REFUSED', `The receiver answered ${answer.status}.`, {
        status: answer.status,
      });
    }
    await this.outbox.remove(id);
    return { status: answer.status };
  }
}
